/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STATUS_H
#define CRIER_HUB_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/text.h"
#include "hub/hub.h"
#include "protocol/command.h"
#include "protocol/figures.h"

/* What the hub counts and holds at this moment. */
void hub_status_take(const struct hub *, struct hub_figures *);

/* Adds what the hub has to say to a status object; its members' own. */
void hub_status(const struct hub *, struct json_object *status);

/* What is listed, and how much of it. */
struct hub_status_query {
	const struct text_span *channel; /* streams that follow it; NULL: all */
	bool slow; /* streams that wait for their sockets to take more */
	enum command_sort sort; /* of channels, the greatest first */
	struct text_span find;  /* channels with this in their names */
	uint64_t limit; /* 0, or more than there may be: as many as may be */
};

/* Adds the lists that a command asks for: of streams, of channels, of runs. */
void hub_status_lists(const struct hub *, const struct command *,
    struct json_object *status);

/*
 * Adds "list": the streams, the oldest first, at most STATUS_STREAMS_MAX.
 */
enum {
	STATUS_STREAMS_MAX = 1000
};
void hub_status_streams(const struct hub *, const struct hub_status_query *,
    struct json_object *status);

/*
 * Adds "channel_list": the first of the channels in memory, at most
 * STATUS_CHANNELS_MAX.  It looks at every channel: half a million take 50 ms.
 */
enum {
	STATUS_CHANNELS_MAX = 1000
};
void hub_status_channels(const struct hub *, const struct hub_status_query *,
    struct json_object *status);

#endif
