/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_RUN_H
#define CRIER_STORE_SQLITE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/id.h"

/*
 * A run: events of one channel, one behind the other, as the bytes that one row
 * of the database holds.  Many events in a row make bulk publishing cheap.
 * Each event is a head (id, expiry, length, big-endian) and its record.
 */

enum {
	RUN_HEAD_BYTES = 28,
	RUN_MAX_BYTES = 32768
};

struct run_event {
	struct id id;
	uint64_t expires_ms; /* wall clock; 0: never */
	const char *record;
	size_t record_len;
};

/* Appends an event; 0, or -1 (memory) with the buffer unchanged. */
int run_append(struct buffer *, const struct run_event *);

/*
 * The event at the front of *data, which is moved behind it.  False at the end,
 * or where the bytes are no run.
 */
bool run_next(const char **data, size_t *len, struct run_event *);

#endif
