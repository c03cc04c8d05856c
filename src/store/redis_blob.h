/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_BLOB_H
#define CRIER_STORE_REDIS_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/table.h"
#include "store/batch.h"

/*
 * The blob of a batch that is written (redis_entry.h has its form): events are
 * added one after the other, each with the next offset, and then it is laid
 * out by channel.  Its bounds are what everybody else at the Redis waits for.
 */

enum {
	REDIS_BLOB_EVENTS = 1000,
	REDIS_BLOB_BYTES = 256 * 1024,
	REDIS_BLOB_CHANNELS = 128,
	REDIS_BLOB_RUN_BYTES = 32 * 1024, /* of a run, if it has two events */
	/* An event's records; what a node reads at once has 16 of these. */
	REDIS_BLOB_EVENT_BYTES = 3584 * 1024
};

struct redis_blob_item {
	const struct batch *batch;
	struct batch_event *event;
	size_t first; /* of its places */
};

struct redis_blob_section {
	struct table_entry entry; /* of the channel's newest section */
	const struct batch_channel *channel;
	bool is_fleeting;
	uint16_t rule;
	uint32_t run_len, events, last;
	char *at; /* where its next event goes */
};

struct redis_blob {
	struct redis_blob_item *items;
	size_t item_count;
	size_t *places; /* the section of each event in each of its channels */
	size_t place_count, place_room;
	struct redis_blob_section *sections;
	size_t section_count, section_room;
	size_t channel_count;
	struct table by_name;
	size_t bytes;
	struct buffer text, rules; /* when it is laid out */
};

/* 0, or -1 (memory). */
int redis_blob_init(struct redis_blob *);
void redis_blob_clear(struct redis_blob *);

/* Forgets all events. */
void redis_blob_empty(struct redis_blob *);

/*
 * Adds an event, whose batch stays.  1: it is beyond the bounds, though never
 * the first; -1: memory.
 */
int
redis_blob_add(struct redis_blob *, const struct batch *, struct batch_event *);

/*
 * Writes `text` and `rules`; the Redis' wall clock is so far before the
 * monotonic one.  0, or -1 (memory).
 */
int redis_blob_lay_out(struct redis_blob *, int64_t clock_ms);

#endif
