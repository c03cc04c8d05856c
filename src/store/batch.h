/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_BATCH_H
#define CRIER_STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/text.h"
#include "protocol/id.h"

/*
 * A batch is what was published in one turn: stored with one commit, then
 * appended, delivered and acknowledged.  While a store has the batch, it
 * belongs to the store's thread, which writes nothing but the outcomes.
 */

enum {
	BATCH_WHY_SIZE = 160 /* for a store's reason, cut if need be */
};

enum batch_outcome {
	BATCH_ACCEPTED,
	BATCH_DUPLICATE, /* its key was used before: see first_id */
	BATCH_REFUSED    /* see the batch's error */
};

struct batch_event {
	struct id id;
	uint64_t added_ms, expires_ms; /* monotonic; 0: never */
	uint64_t expires_wall_ms;      /* the same, by the wall clock */
	size_t record_off, record_len; /* in the batch's bytes */
	size_t own_id_len;             /* of the record's id; 0: not own */
	size_t key_off, key_len;       /* in the batch's bytes; 0: none */
	size_t channel_first, channel_count; /* in the batch's channels */
	bool is_own;      /* crier's: nobody waits for its outcome */
	bool is_fleeting; /* in the histories alone, never stored */
	enum batch_outcome outcome;
	char *first_id; /* as clients saw it; the batch's to free */
	size_t streams; /* set when it is appended */
};

/* A channel that an event goes to, and what it keeps at that moment. */
struct batch_channel {
	void *channel;    /* the hub's; stays as long as the batch */
	const char *name; /* its name */
	size_t name_len;
	uint64_t keep, keep_bytes, keep_ms;
};

struct batch {
	STAILQ_ENTRY(batch) link; /* the store's */
	struct buffer bytes;      /* records and keys */
	struct batch_event *events;
	size_t event_count, event_capacity;
	size_t fleeting_count; /* of the events */
	struct batch_channel *channels;
	size_t channel_count, channel_capacity;
	char error[BATCH_WHY_SIZE]; /* "" or why events were refused */
	uint64_t wall_ms;
	uint64_t began_us; /* monotonic: when it got its first event */
	/* Called on the loop's thread when the store is done with it. */
	void (*done)(struct batch *);
	void *hub;
	void (*committed_cb)(void *arg, struct batch *); /* the publisher's */
	void *arg;
};

STAILQ_HEAD(batch_list, batch);

/* An empty batch, or NULL (memory). */
struct batch *batch_new(void);
void batch_free(struct batch *);

/*
 * Empties it for its next use: it keeps its memory.  What is set with every
 * commit (the time, who is called) stays as it was.
 */
void batch_empty(struct batch *);

/* The bytes that it takes, but for first ids. */
size_t batch_memory(const struct batch *);

/*
 * Makes room for one more event with so many channels; 0, or -1 (memory).  Add
 * the channels with batch_add_channel then, and the event with batch_add_event.
 */
int batch_reserve(struct batch *, size_t channels);
void batch_add_channel(struct batch *, const struct batch_channel *);
void batch_add_event(struct batch *, const struct batch_event *);

/* The event's id as its clients see it, within the batch's bytes. */
struct text_span
batch_event_id(const struct batch *, const struct batch_event *);

/* Refuses all events that are not refused yet, with this reason. */
void batch_refuse(struct batch *, const char *why);

#endif
