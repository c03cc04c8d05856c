/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_HISTORY_H
#define CRIER_HUB_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/id.h"

/*
 * What a channel retains: its events' records, encoded once, one behind the
 * other in blocks.  A block's bytes never change once written, and a block
 * lives as long as the history or a half-sent record needs it.
 *
 * Events are numbered: seq 0 is the channel's first ever.  A cursor is such a
 * number, so it costs nothing, pins nothing, and one that is below
 * history.first_seq has fallen off: a gap.
 *
 * Pure: no I/O, no clock.
 */

enum {
	HISTORY_BLOCK_MAX = 32768 /* but a longer record has its own block */
};

struct block {
	atomic_uint refs; /* streams take them side by side; see hub/fan.c */
	uint32_t size;
	uint32_t used;
	uint64_t end_seq; /* behind the last event that begins in it */
	size_t *left;     /* see block_leave; or NULL */
	char data[];
};

/* A block of the caller's with refs 1, or NULL (memory). */
struct block *block_new(size_t size);
/* A block of the caller's that has these bytes; or NULL (memory). */
struct block *block_of(const void *data, size_t len);
struct block *block_ref(struct block *);
void block_unref(struct block *); /* NULL is allowed */

/*
 * Only streams hold the block from here on: until it is freed it counts in
 * *left, in bytes of memory.  From then on threads may not unref it side by
 * side.
 */
void block_leave(struct block *, size_t *left);

/* What all histories of a hub have in common. */
struct history_shared {
	const uint64_t *key; /* two secret numbers, of the hash of own ids */
	size_t left_bytes;   /* of blocks that streams alone hold */
};

/*
 * The entries' chains are the index of publishers' own ids: own_head of the
 * slot that an id's hash says is the newest event of that chain, own_older the
 * next older one.  These are the low bits of numbers of events, and what is
 * dropped stays in its chain: whoever follows one stops where it no longer
 * leads to older events that are retained, and compares the ids.
 */
struct history_entry {
	struct id id;
	struct block *block;
	uint64_t added_ms;   /* monotonic, as is the next */
	uint64_t expires_ms; /* 0: never */
	uint32_t off;        /* of the record in the block */
	/* A record is below 8 MiB: 1 MiB of data, each byte a line's end. */
	unsigned int len : 24;
	unsigned int own_id_len : 8; /* the publisher's id at its front, or 0 */
	uint32_t own_head, own_older;
};

struct history {
	struct history_entry *ring; /* of capacity entries, a power of two */
	uint64_t first_seq, next_seq;
	size_t capacity;
	size_t bytes;  /* of the records retained */
	size_t memory; /* of the ring and the blocks, used or not */
	uint32_t expiring, own_ids; /* how many of the entries have one */
	struct id floor;            /* every event after this id is retained */
	struct block *spare;        /* for the next record, made ahead */
	struct history_shared *shared;
};

/*
 * An empty history of a channel whose events up to floor are unknown.  What it
 * shares with others stays the caller's.
 */
void history_init(struct history *, struct id floor, struct history_shared *);
void history_clear(struct history *);

size_t history_count(const struct history *);

/* What history_append takes besides the record. */
struct history_note {
	struct id id; /* greater than all before */
	uint64_t added_ms;
	uint64_t expires_ms;
	size_t own_id_len;
};

/* Makes room for one record; 0, or -1 (memory). */
int history_prepare(struct history *, size_t len);

/* Copies a record, for which room was made, to the end. */
void history_append(struct history *, const struct history_note *,
    const char *record, size_t len);

struct history_limits {
	uint64_t count, bytes;
	uint64_t oldest_ms; /* what was added before goes; 0: no limit */
};

/* Drops events from the front until the rest is within the limits. */
void history_trim(struct history *, const struct history_limits *);

/*
 * Forgets everything, and one event more: the one with this id, for which there
 * was no memory.
 */
void history_skip(struct history *, struct id);

/* Drops events from the front until so much memory is free, or all. */
void history_shrink(struct history *, size_t bytes);

/* The entry of a retained event: first_seq <= seq < next_seq. */
const struct history_entry *history_at(const struct history *, uint64_t seq);

/* The number of the first retained event after id; next_seq if none is. */
uint64_t history_after(const struct history *, struct id);

/*
 * Finds the newest event with this id of the publisher's own, in a time that
 * does not depend on how many events are retained.
 */
bool history_find_own(const struct history *, const char *text, size_t len,
    struct id *);

/* A run of whole records in one block. */
struct history_slice {
	struct block *block;
	uint32_t off, len;
	uint64_t next_seq; /* behind the run */
	uint32_t events;
	struct id last; /* id of the run's last event */
};

/*
 * The run that begins at or, past what has expired by now_ms, after *seq, up
 * to the events before the id limit.  Moves *seq past what has expired.  False
 * if nothing is there.  No reference is taken.
 */
bool history_slice(const struct history *, uint64_t *seq, uint64_t now_ms,
    const struct id *limit, struct history_slice *);

/*
 * Shortens a run, which begins at the event seq, to so many bytes, but never to
 * less than that event.
 */
void history_slice_cut(const struct history *, uint64_t seq, size_t bytes,
    struct history_slice *);

#endif
