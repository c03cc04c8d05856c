/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STATUS_H
#define CRIER_HUB_STATUS_H

#include <json-c/json.h>

#include "base/text.h"
#include "hub/hub.h"
#include "protocol/figures.h"

/* What the hub counts and holds at this moment. */
void hub_status_take(const struct hub *, struct hub_figures *);

/* Adds what the hub has to say to a status object; its members' own. */
void hub_status(const struct hub *, struct json_object *status);

/*
 * Adds "list": the streams (of that channel, if not NULL), the oldest first,
 * at most STATUS_STREAMS_MAX.
 */
enum {
	STATUS_STREAMS_MAX = 1000
};
void hub_status_streams(const struct hub *, const struct text_span *channel,
    struct json_object *status);

/*
 * Adds "channel_list": the channels that have most in memory, those with most
 * events first, at most STATUS_CHANNELS_MAX.  It looks at every channel: half
 * a million take 50 ms.
 */
enum {
	STATUS_CHANNELS_MAX = 1000
};
void hub_status_channels(const struct hub *, struct json_object *status);

#endif
