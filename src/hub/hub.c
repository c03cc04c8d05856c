/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/fan.h"
#include "hub/hub.h"
#include "hub/notice.h"
#include "hub/replay.h"
#include "hub/stats.h"
#include "hub/watch.h"

/*
 * Set-up, clocks and timers, publishing, delivery.  Opening streams is in
 * subscribe.c, closing them in close.c.
 */

enum {
	HUB_TICK_US = WHEEL_TICK_MS * 1000
};

static void
hub_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;

	(void)fd;
	(void)what;
	hub_now(hub);
	wheel_turn(&hub->stream_wheel, hub->now_ms, stream_due_cb, hub);
	wheel_turn(&hub->channel_wheel, hub->now_ms, channel_due_cb, hub);
	if (hub->stream_wheel.count + hub->channel_wheel.count == 0) {
		event_del(hub->tick);
		hub->is_ticking = false;
	}
}

static void
hub_reap_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct stream *s;

	(void)fd;
	(void)what;
	while ((s = TAILQ_FIRST(&hub->dead)) != NULL)
		stream_free(s);
	if (hub->is_draining)
		hub_drain_step(hub);
}

void
hub_reap_later(struct hub *hub)
{
	event_active(hub->reap, 0, 0);
}

void
hub_set_timer(struct hub *hub, struct wheel *wheel, struct wheel_timer *timer,
    uint64_t due_ms)
{
	static const struct timeval tick = { .tv_usec = HUB_TICK_US };

	wheel_set(wheel, timer, due_ms);
	if (!hub->is_ticking && event_add(hub->tick, &tick) == 0)
		hub->is_ticking = true;
}

void
hub_now(struct hub *hub)
{
	hub->now_ms = clock_monotonic_ms();
	hub->wall_ms = clock_wall_ms();
}

/* Streams know neither the store nor who follows `$streams`. */
static const struct stream_hooks hub_stream_hooks = {
	.behind = replay_fell_behind,
	.opened = notice_opened,
	.closed = notice_closed,
};

struct hub *
hub_new(struct event_base *base, const struct config *config,
    struct store *store, size_t max_streams)
{
	struct hub *hub = calloc(1, sizeof *hub);
	size_t i;

	if (hub == NULL)
		return NULL;
	hub->base = base;
	hub->config = config;
	hub->max_streams = max_streams;
	hub->hooks = &hub_stream_hooks;
	table_init(&hub->channels);
	TAILQ_INIT(&hub->all_channels);
	TAILQ_INIT(&hub->recent);
	SLIST_INIT(&hub->dirty);
	TAILQ_INIT(&hub->streams);
	TAILQ_INIT(&hub->dead);
	table_init(&hub->stops);
	table_init(&hub->users);
	table_init(&hub->addresses);
	TAILQ_INIT(&hub->stop_list);
	hub_now(hub);
	hub->started_ms = hub->now_ms;
	/* Whatever was published before this moment is not known here. */
	hub->store = store;
	hub->last = id_next(store->last, hub->wall_ms);
	hub->appended = hub->last;
	for (i = 0; i < HUB_FORGOTTEN; i++)
		hub->forgotten[i] = hub->last;
	wheel_init(&hub->stream_wheel, hub->now_ms);
	wheel_init(&hub->channel_wheel, hub->now_ms);
	hub->tick = event_new(base, -1, EV_PERSIST, hub_tick_cb, hub);
	hub->reap = event_new(base, -1, 0, hub_reap_cb, hub);
	hub->drain_limit = event_new(base, -1, 0, hub_drain_limit_cb, hub);
	hub->stats_tick = event_new(base, -1, EV_PERSIST, stats_tick_cb, hub);
	hub->heartbeat = block_of(":\n", 2);
	hub->watch = watch_new(hub);
	if (hub->tick == NULL || hub->reap == NULL ||
	    hub->drain_limit == NULL || hub->stats_tick == NULL ||
	    hub->heartbeat == NULL || hub->watch == NULL ||
	    (config->threads > 1 &&
		(hub->fan = fan_new(config->threads)) == NULL)) {
		hub_free(hub);
		return NULL;
	}
	return hub;
}

static void
hub_free_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void
hub_free(struct hub *hub)
{
	struct stream *s;
	struct channel *c;

	hub->notices.is_on = false;
	while ((s = TAILQ_FIRST(&hub->streams)) != NULL)
		stream_kill(s, STREAM_SHUTDOWN);
	while ((s = TAILQ_FIRST(&hub->dead)) != NULL)
		stream_free(s);
	while ((c = TAILQ_FIRST(&hub->all_channels)) != NULL)
		channel_free(hub, c);
	table_clear(&hub->channels);
	table_clear(&hub->users);
	table_clear(&hub->addresses);
	hub_forget_stops(hub);
	hub_free_event(hub->tick);
	hub_free_event(hub->reap);
	hub_free_event(hub->drain_limit);
	hub_free_event(hub->stats_tick);
	watch_free(hub->watch);
	block_unref(hub->heartbeat);
	fan_free(hub->fan);
	delivery_clear_wire(&hub->wire);
	batch_free(hub->batch);
	free(hub);
}

void
hub_reconfigure(struct hub *hub, const struct config *config,
    size_t max_streams)
{
	struct channel *c, *next;

	hub_now(hub);
	hub->config = config;
	hub->max_streams = max_streams;
	TAILQ_FOREACH_SAFE(c, &hub->all_channels, link, next) {
		c->rule =
		    config_match_channel(config, c->name, c->entry.name_len);
		channel_trim(hub, c);
		channel_release(hub, c);
	}
}

const struct config *
hub_config(const struct hub *hub)
{
	return hub->config;
}

size_t
hub_stream_count(const struct hub *hub)
{
	return hub->stream_count;
}

size_t
hub_max_streams(const struct hub *hub)
{
	return hub->max_streams;
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

/* What all channels together keep is bounded: the longest unused one gives. */
static void
hub_shrink(struct hub *hub)
{
	struct channel *c, *next;

	TAILQ_FOREACH_SAFE(c, &hub->recent, recent, next) {
		if (hub->history_bytes <= hub->config->history_bytes)
			return;
		channel_shrink(hub, c,
		    hub->history_bytes - hub->config->history_bytes);
		channel_release(hub, c);
	}
}

static void
hub_deliver_channel(struct hub *hub, struct channel *c)
{
	enum delivery_result result;
	struct stream *s;
	/* Whoever comes meanwhile is up to date, and nobody leaves. */
	uint32_t count = c->cursor_count, i;

	delivery_forget_wire(&hub->wire);
	for (i = 0; i < count; i++) {
		if (i + 1 < count)
			delivery_expect(c->cursors[i + 1]);
		s = c->cursors[i]->stream;
		result = delivery_try(s, &hub->counters, &hub->wire);
		if (result != DELIVERY_DONE)
			stream_take_result(s, result);
	}
	delivery_forget_wire(&hub->wire);
}

void
hub_deliver(struct hub *hub)
{
	struct channel *c;

	while ((c = SLIST_FIRST(&hub->dirty)) != NULL) {
		SLIST_REMOVE_HEAD(&hub->dirty, dirty);
		c->is_dirty = false;
		if (hub->fan == NULL || !fan_deliver(hub->fan, hub, c))
			hub_deliver_channel(hub, c);
		channel_trim(hub, c);
		channel_release(hub, c);
	}
	if (hub->history_bytes > hub->config->history_bytes)
		hub_shrink(hub);
}
