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
	CONFIG_ROUTE_SCRIPT,
	CONFIG_ROUTE_STOP,
	CONFIG_ROUTE_KINDS
};

enum config_route_status {
	CONFIG_STATUS_JSON,
	CONFIG_STATUS_PROMETHEUS,
	CONFIG_STATUS_PAGE
};

enum config_route_format {
	CONFIG_FORMAT_LINES,
	CONFIG_FORMAT_RAW
};

/* What is done with a request for a run where one runs. */
enum config_route_busy {
	CONFIG_BUSY_JOIN,
	CONFIG_BUSY_REFUSE
};

/* The templates of a publish route, by their setting. */
enum config_route_field {
	CONFIG_FIELD_NONE, /* a setting that is no such template */
	CONFIG_FIELD_DATA,
	CONFIG_FIELD_EVENT,
	CONFIG_FIELD_ID,
	CONFIG_FIELD_KEY,
	CONFIG_FIELD_RETRY,
	CONFIG_FIELD_EXPIRES,
	CONFIG_FIELD_REPLY,
	CONFIG_FIELDS
};

#define CONFIG_ROUTE_BIT(kind) (1U << (kind))

enum {
	CONFIG_METHOD_MAX = 20 /* bytes */
};

struct config_route {
	char *title; /* "METHOD[,METHOD]... PATH" */
	int line;
	bool is_standing; /* crier's own, where the file has no routes */
	struct config_list methods;
	struct path_pattern path;
	enum config_route_kind kind;
	struct template **channels; /* of those that name channels */
	size_t channel_count;
	struct template *fields[CONFIG_FIELDS]; /* of publish; key: of run */
	unsigned sources; /* TEMPLATE_BITs of all these templates */

	/* What the section says; a text that it does not have is NULL. */
	struct config_list subscribe, publish, run, allow;
	char *presence, *stop, *channel, *data, *event, *id, *key, *retry,
	    *expires, *reply;
	char *reply_type;  /* set where kind is publish */
	char *end_event;   /* "": none; set where there are streams */
	char *end_data;    /* NULL: the reason, as JSON */
	uint64_t end_stop; /* 1: coming back after the end gets 204 */
	uint64_t terse;    /* 1: no blocks without data */
	uint64_t status;   /* enum config_route_status */
	uint64_t script;   /* 0: on */
	uint64_t viewers; /* of a status: bits of enum config_who, from allow */
	uint64_t format;  /* enum config_route_format */
	uint64_t run_ms, run_bytes; /* 0: no limit */
	/* Of a run, which has a channel (channels[0]). */
	uint64_t run_busy;      /* enum config_route_busy */
	uint64_t run_linger_ms; /* or QUANTITY_FOREVER_MS */
	uint64_t run_again;     /* 1: once more if it was interrupted */
	uint64_t last; /* of a client without a position, or CONFIG_UNSET */
	/* Instead of the channels' values, or CONFIG_UNSET. */
	uint64_t poll_ms, poll_above, heartbeat_ms, retry_ms, max_time_ms;
};

/* What a section may say, a row without a name behind them. */
extern const struct config_setting config_route_settings[];

/* A route with nothing set, or NULL with *cause, which follows the title. */
struct config_route *config_route_new(const char *title, char **cause);

void config_route_free(struct config_route *);

/*
 * Checks a value while its section is being read, when nothing but the title
 * is known of the route: 0, or -1 with *cause, which follows "NAME: ".
 */
int config_route_check_value(const char *title, const struct config_setting *,
    const char *text, char **cause);

/*
 * Makes a route of what was stored (config_setting_store): finds its kind,
 * fills defaults in, reads the templates, and checks all of it together.  0, or
 * -1 with *cause and the setting that is wrong, or NULL if it is none of them.
 */
int config_route_finish(struct config_route *, const struct config_setting **,
    char **cause);

/* Whether the output of its program becomes a channel's events. */
bool config_route_is_run(const struct config_route *);

/* Whether one of its methods brings a body. */
bool config_route_has_body(const struct config_route *);

/* Whether the route names this method. */
bool config_route_names_method(const struct config_route *, const char *method);

/*
 * Whether the route serves this method.  A route for GET serves HEAD, unless it
 * publishes.
 */
bool config_route_has_method(const struct config_route *, const char *method);

#endif
