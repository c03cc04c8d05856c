/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_ROUTE_H
#define CRIER_CONFIG_CONFIG_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/config_setting.h"
#include "config/path_pattern.h"
#include "config/template.h"

/* One `route` section: which requests it is for, and what they come to. */

enum config_route_kind {
	CONFIG_ROUTE_SUBSCRIBE,
	CONFIG_ROUTE_PUBLISH,
	CONFIG_ROUTE_STATUS,
	CONFIG_ROUTE_RUN,
	CONFIG_ROUTE_PRESENCE,
	CONFIG_ROUTE_KINDS
};

enum config_route_status {
	CONFIG_STATUS_JSON,
	CONFIG_STATUS_PROMETHEUS
};

enum config_route_format {
	CONFIG_FORMAT_LINES,
	CONFIG_FORMAT_RAW
};

/* The templates of a publish route, by their setting. */
enum config_route_field {
	CONFIG_FIELD_DATA,
	CONFIG_FIELD_EVENT,
	CONFIG_FIELD_ID,
	CONFIG_FIELD_KEY,
	CONFIG_FIELD_RETRY,
	CONFIG_FIELD_EXPIRES,
	CONFIG_FIELD_REPLY,
	CONFIG_FIELDS
};

enum {
	CONFIG_ROUTES_MAX = 1000,
	CONFIG_ROUTE_SETTINGS_MAX = 32,
	CONFIG_METHOD_MAX = 20 /* bytes */
};

/* A number that the section leaves out: as the channels have it. */
#define CONFIG_ROUTE_UNSET UINT64_MAX

struct config_route {
	char *title; /* "METHOD[,METHOD]... PATH" */
	int line;
	bool is_standing; /* one of those that there are without any */
	struct config_list methods;
	struct path_pattern path;
	enum config_route_kind kind;
	/* Of subscribe, publish or presence, and of publish alone. */
	struct template **channels;
	size_t channel_count;
	struct template *fields[CONFIG_FIELDS]; /* or NULL */
	unsigned sources; /* TEMPLATE_BITs of all of them */

	/* What the section says; of texts NULL is "nothing". */
	struct config_list subscribe, publish, run;
	char *presence, *data, *event, *id, *key, *retry, *expires, *reply;
	char *reply_type;           /* set where kind is publish */
	char *end_event;            /* "": none; set where there are streams */
	char *end_data;             /* NULL: the reason, as JSON */
	uint64_t end_stop;          /* 1: 204 to who comes back after the end */
	uint64_t terse;             /* 1: no blocks without data */
	uint64_t status;            /* enum config_route_status */
	uint64_t format;            /* enum config_route_format */
	uint64_t run_ms, run_bytes; /* 0: no limit */
	uint64_t last; /* for who has no position, or CONFIG_ROUTE_UNSET */
	/* Instead of the channels' values, or CONFIG_ROUTE_UNSET. */
	uint64_t poll_ms, poll_above, heartbeat_ms, retry_ms, max_time_ms;
};

struct config_route_setting {
	struct config_setting setting; /* its offset is in config_route */
	unsigned kinds;                /* 1 << enum config_route_kind */
	bool is_kind;                  /* it makes the route one of that kind */
	int field;                     /* of a template of publish, or -1 */
};

extern const struct config_route_setting config_route_settings[];
extern const size_t config_route_setting_count;

/* A route with nothing set, or NULL with why, which follows the title. */
struct config_route *
config_route_new(const char *title, char why[CONFIG_WHY_SIZE]);

void config_route_free(struct config_route *);

/*
 * Checks what of a value can be known while the section is read: 0, or -1 with
 * why, which follows "NAME: ".  Nothing is changed.
 */
int
config_route_check_value(const char *title, const struct config_route_setting *,
    const char *text, char why[CONFIG_WHY_SIZE]);

/*
 * Checks the whole of what was stored (config_setting_store), reads the
 * templates and fills defaults in.  0, or -1 with why and the setting that is
 * wrong, or NULL if none is.
 */
int config_route_finish(struct config_route *,
    const struct config_route_setting **, char why[CONFIG_WHY_SIZE]);

/* Takes a route, which is freed if that fails: 0, or -1 (memory). */
int config_routes_add(struct config *, struct config_route *);

/*
 * NULL, or the first route that no request comes to, with why, which follows
 * its title.
 */
const struct config_route *
config_routes_check(const struct config *, char why[CONFIG_WHY_SIZE]);

/* If there is no route, those that stand: 0, or -1 (memory). */
int config_routes_add_standing(struct config *);

/*
 * The most specific route for a method and a path, or NULL.  HEAD is served by
 * GET where nothing has it itself, but not where GET publishes.
 */
const struct config_route *config_routes_find(const struct config *,
    const char *method, const struct text_span *segments, size_t count);

/* Whether the section, or a default, sets it. */
bool config_route_is_set(const struct config_setting *, struct config_route *);

/* Whether one of its methods brings a body. */
bool config_route_has_body(const struct config_route *);

/* Whether the route serves this method. */
bool config_route_has_method(const struct config_route *, const char *method);

#endif
