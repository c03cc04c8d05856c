/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_DRAIN_H
#define CRIER_HUB_DRAIN_H

#include <stdbool.h>

#include <event2/event.h>

struct hub;

/*
 * The end of a hub: all streams end with a `retry:` that spreads their return,
 * and whoever waits for that is called when the last one is gone, or after
 * `drain-time`.  There are two steps, so that those that follow `$streams` hear
 * of the others' ends: all but them, then, when that is committed, they.
 */
struct hub_drain {
	bool is_on;
	bool is_last;    /* those who watched the others end have their turn */
	bool is_late;    /* nobody is waited for any more */
	bool is_leaving; /* other nodes are being told */
	struct event *limit;
	void (*done_cb)(void *);
	void *done_arg;
};

/* 0, or -1 (memory). */
int drain_init(struct hub *);
void drain_clear(struct hub *);

/*
 * Takes draining to its next step, if it may.  Called whenever a stream is
 * gone or a batch has come back, from the loop.
 */
void drain_step(struct hub *);

#endif
