/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/publish.h"
#include "hub/state.h"
#include "hub/status.h"

static void
stats_take_sample(struct hub *hub)
{
	hub_status_take(hub, &hub->stats.sample);
	latency_sample(hub, &hub->stats.sample);
	hub->stats.sample_ms = hub->clock.now_ms;
}

bool
stats_is_followed(struct hub *hub)
{
	const struct channel *c =
	    channel_find(hub, STATS_CHANNEL, strlen(STATS_CHANNEL));

	return c != NULL && c->cursor_count > 0;
}

void
stats_follow(struct hub *hub)
{
	if (!evtimer_pending(hub->stats.tick, NULL))
		wanted_tell(hub, WANTED_STATS);
	stats_begin(hub);
}

void
stats_begin(struct hub *hub)
{
	static const struct timeval second = { .tv_sec = 1 };

	if (evtimer_pending(hub->stats.tick, NULL) || hub->drain.is_on)
		return;
	stats_take_sample(hub);
	event_add(hub->stats.tick, &second);
}

static struct json_object *
stats_make(struct hub *hub)
{
	struct json_object *o = json_object_new_object();
	struct hub_figures before = hub->stats.sample;
	uint64_t before_ms = hub->stats.sample_ms;

	if (hub->store->node != NULL)
		json_add_string(o, "node", hub->store->node);
	stats_take_sample(hub);
	figures_add_stats(o, FIGURES_HUB, &hub->stats.sample, &before,
	    hub->clock.now_ms - before_ms);
	return o;
}

/* $stats is not followed any more: no timer, and no figures are kept. */
static void
stats_stop(struct hub *hub, struct channel *c)
{
	event_del(hub->stats.tick);
	if (c == NULL)
		return;
	channel_shrink(hub, c, SIZE_MAX);
	channel_release(hub, c);
}

void
stats_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct channel *c;

	(void)fd;
	(void)what;
	hub_now(hub);
	c = channel_find(hub, STATS_CHANNEL, strlen(STATS_CHANNEL));
	if (!stats_is_followed(hub) && !wanted_elsewhere(hub, WANTED_STATS)) {
		stats_stop(hub, c);
		return;
	}
	/* Without memory there is no event this second. */
	publish_own(hub, STATS_CHANNEL, "stats", stats_make(hub), true);
}

int
stats_init(struct hub *hub)
{
	hub->stats.tick =
	    event_new(hub->base, -1, EV_PERSIST, stats_tick_cb, hub);
	return hub->stats.tick == NULL ? -1 : 0;
}

void
stats_clear(struct hub *hub)
{
	if (hub->stats.tick != NULL)
		event_free(hub->stats.tick);
}

void
stats_end(struct hub *hub)
{
	event_del(hub->stats.tick);
}
