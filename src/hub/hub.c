/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>

#include "hub/node.h"
#include "hub/notice.h"
#include "hub/replay.h"
#include "hub/stall.h"
#include "hub/state.h"

/*
 * The hub as a whole: its parts are put together here, and taken apart, and
 * those that must not know each other are connected by callbacks.
 */

static void
hub_reap_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;

	(void)fd;
	(void)what;
	stalls_bound(hub);
	streams_reap(hub);
	if (hub->drain.is_on)
		drain_step(hub);
}

/* What histories let go outside a turn may be what streams alone hold. */
static void
hub_bound_later(struct hub *hub)
{
	if (hub->channels.shared.left_bytes > hub->config->stall_bytes)
		streams_reap_later(hub);
}

static void
hub_channel_due_cb(struct wheel_timer *timer, void *arg)
{
	channel_due_cb(timer, arg);
	hub_bound_later(arg);
}

/* Streams know neither the store nor who follows `$streams`. */
static const struct stream_hooks hub_stream_hooks = {
	.behind = replay_fell_behind,
	.opened = notice_opened,
	.closed = notice_closed,
	.followed = runs_followed,
};

static const struct wanted_kind hub_wanted_kinds[WANTED_KINDS] = {
	[WANTED_STREAMS] = { NOTICE_CHANNEL, notice_is_followed, notice_begin },
	[WANTED_STATS] = { STATS_CHANNEL, stats_is_followed, stats_begin },
};

struct hub *
hub_new(struct event_base *base, const struct config *config,
    struct store *store, size_t max_streams)
{
	struct hub *hub = calloc(1, sizeof *hub);

	if (hub == NULL)
		return NULL;
	hub->base = base;
	hub->config = config;
	hub->store = store;
	hub->wanted.kinds = hub_wanted_kinds;
	visitors_init(hub);
	stops_init(hub);
	runs_init(hub);
	if (relief_init(hub) == -1 ||
	    hub_clock_init(hub, stream_due_cb, hub_channel_due_cb) == -1 ||
	    turn_init(hub) == -1)
		goto fail;
	channels_init(hub, hub->turn.appended);
	if (streams_init(hub, max_streams, &hub_stream_hooks, hub_reap_cb) ==
		-1 ||
	    slices_init(hub) == -1 || replays_init(hub) == -1 ||
	    retained_init(hub) == -1 || drain_init(hub) == -1 ||
	    stats_init(hub) == -1)
		goto fail;
	node_begin(hub);
	return hub;
fail:
	hub_free(hub);
	return NULL;
}

void
hub_free(struct hub *hub)
{
	/* $streams is not told of the ends that follow. */
	notice_end(hub);
	streams_clear(hub);
	slices_clear(hub);
	replays_clear(hub);
	retained_clear(hub);
	channels_clear(hub);
	visitors_clear(hub);
	stops_clear(hub);
	runs_clear(hub);
	drain_clear(hub);
	stats_clear(hub);
	turn_clear(hub);
	hub_clock_clear(hub);
	relief_clear(hub);
	nodes_clear(hub);
	free(hub);
}

void
hub_reconfigure(struct hub *hub, const struct config *config,
    size_t max_streams)
{
	hub_now(hub);
	hub->config = config;
	hub->streams.max = max_streams;
	channels_reconfigure(hub);
	hub_bound_later(hub);
}

const struct config *
hub_config(const struct hub *hub)
{
	return hub->config;
}

size_t
hub_stream_count(const struct hub *hub)
{
	return hub->streams.count;
}

size_t
hub_max_streams(const struct hub *hub)
{
	return hub->streams.max;
}

uint64_t
hub_opened_count(const struct hub *hub)
{
	return hub->counters.opened;
}

void
hub_count_refused(struct hub *hub)
{
	hub->counters.refused++;
}

void
hub_count_turned_away(struct hub *hub)
{
	hub->counters.turned_away++;
}
