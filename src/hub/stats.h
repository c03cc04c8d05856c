/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STATS_H
#define CRIER_HUB_STATS_H

#include <stdint.h>

#include <event2/event.h>

#include "protocol/figures.h"

struct hub;

/*
 * The channel `$stats`: an event with the hub's figures every second, while
 * somebody follows it.  No store keeps them, and memory only the latest few.
 */

#define STATS_CHANNEL "$stats"

enum {
	STATS_KEEP = 3
};

struct hub_stats {
	struct event *tick;        /* once a second, while somebody follows */
	struct hub_figures sample; /* of the last event */
	uint64_t sample_ms;
};

/* 0, or -1 (memory). */
int stats_init(struct hub *);
void stats_clear(struct hub *);

/* No more from now on. */
void stats_end(struct hub *);

/* A stream follows the channel from now on. */
void stats_follow(struct hub *);

/* The same of a stream at another node. */
void stats_begin(struct hub *);

bool stats_is_followed(struct hub *);

/* The timer, once a second; arg is the hub. */
void stats_tick_cb(evutil_socket_t, short, void *arg);

#endif
