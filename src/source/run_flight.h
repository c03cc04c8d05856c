/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_RUN_FLIGHT_H
#define CRIER_SOURCE_RUN_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "protocol/event.h"

/*
 * Copies of the events of a run that are on their way to the store, so that
 * those that it refuses for now can be published again.  All zero is none.
 */
struct run_flight {
	struct buffer bytes;
	size_t count;
};

/* 0, or -1 (memory). */
int run_flight_add(struct run_flight *, const struct event_fields *);

/*
 * Reads the event at *at, from 0 on, and moves *at behind it; false: there is
 * none.  The event points into the flight.
 */
bool
run_flight_next(const struct run_flight *, size_t *at, struct event_fields *);

/* Removes the event that run_flight_next has read, from before to *at. */
void run_flight_remove(struct run_flight *, size_t before, size_t *at);

/* Drops the first so many. */
void run_flight_drop(struct run_flight *, size_t count);

void run_flight_clear(struct run_flight *);

#endif
