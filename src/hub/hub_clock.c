/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/clock.h"
#include "hub/state.h"

enum {
	HUB_CLOCK_TICK_US = WHEEL_TICK_MS * 1000
};

void
hub_now(struct hub *hub)
{
	hub->clock.now_us = clock_monotonic_us();
	hub->clock.now_ms = hub->clock.now_us / 1000;
	hub->clock.wall_ms = clock_wall_ms();
}

static void
hub_clock_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct hub_clock *c = &hub->clock;

	(void)fd;
	(void)what;
	hub_now(hub);
	wheel_turn(&c->streams, c->now_ms, c->streams_cb, hub);
	wheel_turn(&c->channels, c->now_ms, c->channels_cb, hub);
	if (c->streams.count + c->channels.count == 0) {
		event_del(c->tick);
		c->is_ticking = false;
	}
}

int
hub_clock_init(struct hub *hub,
    void (*streams_cb)(struct wheel_timer *, void *hub),
    void (*channels_cb)(struct wheel_timer *, void *hub))
{
	struct hub_clock *c = &hub->clock;

	hub_now(hub);
	c->started_ms = c->now_ms;
	wheel_init(&c->streams, c->now_ms);
	wheel_init(&c->channels, c->now_ms);
	c->streams_cb = streams_cb;
	c->channels_cb = channels_cb;
	c->tick = event_new(hub->base, -1, EV_PERSIST, hub_clock_tick_cb, hub);
	return c->tick == NULL ? -1 : 0;
}

void
hub_clock_clear(struct hub *hub)
{
	if (hub->clock.tick != NULL)
		event_free(hub->clock.tick);
}

void
hub_clock_set(struct hub *hub, struct wheel *wheel, struct wheel_timer *timer,
    uint64_t due_ms)
{
	static const struct timeval tick = { .tv_usec = HUB_CLOCK_TICK_US };
	struct hub_clock *c = &hub->clock;

	wheel_set(wheel, timer, due_ms);
	if (!c->is_ticking && event_add(c->tick, &tick) == 0)
		c->is_ticking = true;
}
