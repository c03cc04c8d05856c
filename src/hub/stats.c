/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/stats.h"

static void
stats_take_sample(struct hub *hub)
{
	hub->sample = hub->counters;
	hub->sample_ms = hub->now_ms;
}

void
stats_follow(struct hub *hub)
{
	static const struct timeval second = { .tv_sec = 1 };

	if (evtimer_pending(hub->stats_tick, NULL))
		return;
	stats_take_sample(hub);
	event_add(hub->stats_tick, &second);
}

static void
stats_add_rate(struct json_object *o, const char *name, uint64_t count,
    uint64_t ms)
{
	json_add_number(o, name, (count * 1000 + ms / 2) / ms);
}

static void
stats_add_rates(const struct hub *hub, struct json_object *o)
{
	const struct hub_counters *c = &hub->counters, *was = &hub->sample;
	uint64_t ms = hub->now_ms - hub->sample_ms;

	if (ms == 0)
		ms = 1;
	stats_add_rate(o, "opened_per_second", c->opened - was->opened, ms);
	stats_add_rate(o, "published_per_second", c->published - was->published,
	    ms);
	stats_add_rate(o, "delivered_per_second", c->delivered - was->delivered,
	    ms);
	stats_add_rate(o, "bytes_per_second", c->bytes - was->bytes, ms);
}

static struct json_object *
stats_make(const struct hub *hub)
{
	const struct hub_counters *c = &hub->counters;
	struct json_object *o = json_object_new_object();

	json_add_number(o, "uptime_seconds",
	    (hub->now_ms - hub->started_ms) / 1000);
	json_add_number(o, "streams", hub->stream_count);
	json_add_number(o, "users", hub->users.count);
	json_add_number(o, "channels", hub->channels.count);
	json_add_number(o, "opened", c->opened);
	json_add_number(o, "closed", c->closed);
	json_add_number(o, "turned_away", c->turned_away);
	json_add_number(o, "published", c->published);
	json_add_number(o, "refused", c->refused);
	json_add_number(o, "delivered", c->delivered);
	json_add_number(o, "gaps", c->gaps);
	json_add_number(o, "bytes", c->bytes);
	json_add_number(o, "writes", c->writes);
	stats_add_rates(hub, o);
	json_add_number(o, "history_bytes", hub->history_bytes);
	json_add_number(o, "store_batches", hub->batches);
	json_add_number(o, "store_bytes", hub->batched_bytes);
	json_add_number(o, "store_ms", hub->store_ms);
	json_add_number(o, "store_wait_ms", hub_store_wait_ms(hub));
	return o;
}

/* Nobody wants it any more: neither the timer nor what is left. */
static void
stats_stop(struct hub *hub, struct channel *c)
{
	event_del(hub->stats_tick);
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
	if (c == NULL || c->cursor_count == 0) {
		stats_stop(hub, c);
		return;
	}
	/* Without memory for it there is none this second. */
	hub_tell(hub, STATS_CHANNEL, "stats", stats_make(hub), true);
	stats_take_sample(hub);
}
