/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STATS_H
#define CRIER_HUB_STATS_H

#include "hub/hub.h"

/*
 * The channel `$stats`: an event with the hub's figures every second, while
 * somebody follows it.  No store keeps them, and memory only the latest few.
 */

#define STATS_CHANNEL "$stats"

enum {
	STATS_KEEP = 3
};

/* A stream follows the channel from now on. */
void stats_follow(struct hub *);

/* The timer, once a second; arg is the hub. */
void stats_tick_cb(evutil_socket_t, short, void *arg);

#endif
