/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_HUB_CLOCK_H
#define CRIER_HUB_HUB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/wheel.h"

struct hub;

/*
 * The hub's time.  The clocks are read once a callback (hub_now), so that all
 * that happens in it happens at one moment.
 *
 * Streams and channels have very many timers, which are set often and need no
 * precision.  They are in two wheels, which one timer of the loop turns while
 * anything is set in them.
 */
struct hub_clock {
	uint64_t now_us; /* monotonic, as are the next */
	uint64_t now_ms, started_ms;
	uint64_t wall_ms;
	struct wheel streams, channels;
	void (*streams_cb)(struct wheel_timer *, void *hub);
	void (*channels_cb)(struct wheel_timer *, void *hub);
	struct event *tick;
	bool is_ticking;
};

/* Reads the clocks; who is called when a timer is due.  0, or -1 (memory). */
int hub_clock_init(struct hub *,
    void (*streams_cb)(struct wheel_timer *, void *hub),
    void (*channels_cb)(struct wheel_timer *, void *hub));
void hub_clock_clear(struct hub *);

/* Sets a timer of one of the wheels, and sees that the wheels turn. */
void hub_clock_set(struct hub *, struct wheel *, struct wheel_timer *,
    uint64_t due_ms);

#endif
