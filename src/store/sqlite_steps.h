/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_STEPS_H
#define CRIER_STORE_SQLITE_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/id.h"

struct sqlite_file;

/*
 * An event's age, whatever becomes of the wall clock.
 *
 * An event was stored at the time that its id has, by the wall clock of that
 * moment.  When the clock is set, that time is wrong by the step from then on.
 * So the steps are remembered, in a table of the database, each with the id up
 * to which events were stored before it; and an event's time by today's clock
 * is that of its id and all steps since.  Only steps while crierd runs are
 * seen, as what the wall clock has moved against the monotonic one; between two
 * runs the wall clock is believed.
 */

enum {
	STEPS_MAX = 16,     /* the oldest is forgotten */
	STEPS_MIN_MS = 1000 /* smaller ones do not matter */
};

struct sqlite_steps {
	size_t count;
	struct {
		struct id upto;
		int64_t by_ms;
	} steps[STEPS_MAX];
};

/* Reads the file's from the database; 0, or -1: see sqlite_file_explain. */
int steps_load(struct sqlite_file *);

/*
 * What to add to a time of the wall clock when this event was stored, to have
 * it by today's.
 */
int64_t steps_since(const struct sqlite_steps *, struct id);

/*
 * In a transaction: notes that the clock was set by so much, and moves the
 * times of channels and keys.  Before that, it was now_ms.  last: the newest
 * event that is stored.  0 or -1.
 */
int
steps_add(struct sqlite_file *, int64_t by_ms, uint64_t now_ms, struct id last);

#endif
