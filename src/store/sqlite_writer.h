/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_WRITER_H
#define CRIER_STORE_SQLITE_WRITER_H

#include "store/batch.h"
#include "store/keys.h"
#include "store/sqlite_file.h"

/* What the writing thread knows of a channel; saved with each commit. */
struct sqlite_channel {
	struct table_entry entry; /* by name */
	struct sqlite_channel *next_touched, *next_over;
	bool is_touched, is_over;
	sqlite3_int64 id;
	uint64_t keep, keep_bytes, keep_ms;
	uint64_t events, bytes, oldest_ms;
	struct id floor;
	struct buffer run; /* of this transaction, not yet a row */
	uint64_t run_events, run_bytes, run_first_ms;
	struct id run_last;
	char name[];
};

struct sqlite_writer {
	struct sqlite_file file;
	struct table channels;       /* a cache */
	struct sqlite_channel **all; /* of it */
	size_t all_count, all_capacity;
	struct sqlite_channel *touched;          /* of this transaction */
	struct sqlite_channel *over, **over_end; /* to be trimmed, in turn */
	/*
	 * Which channels have too much is known from what was stored.  Of what
	 * another run stored, and after a failure, all are looked at, some at a
	 * time: so far, and whether that was all.
	 */
	sqlite3_int64 looked_at;
	bool has_looked;
	bool is_large;      /* more of the disk is taken than may be */
	struct id last;     /* of what was stored */
	struct id unstored; /* the last event that is in memory alone, or 0 */
	bool due_in_vain;   /* of the channels found due nothing has gone yet */
	struct keys keys;   /* of events that could only be kept in memory */
	uint64_t events, bytes, channel_count, key_count; /* in the file */
	uint64_t forgotten; /* and floors of channels without events, at most */
	uint64_t added_events, added_bytes; /* of this transaction */
	uint64_t added_channels, added_keys;
};

/* max_keys: so many of events in memory alone are remembered. */
void sqlite_writer_init(struct sqlite_writer *, uint64_t max_keys);
void sqlite_writer_clear(struct sqlite_writer *);

/*
 * Stores the batches of a list from first up to end (NULL: all that follow),
 * which have at least one event or note, in one transaction.  Events whose key
 * was used before are marked as duplicates instead.  0; -1: nothing is stored,
 * sqlite_file_explain says why.
 */
int sqlite_writer_commit(struct sqlite_writer *, struct batch *first,
    const struct batch *end);

/*
 * One small step of retention (sqlite_retention.c): at most some hundred events
 * go, or keys, or free pages.  1: there may be more to do; 0; -1: see
 * sqlite_file_explain.
 */
int sqlite_writer_trim(struct sqlite_writer *, uint64_t wall_ms,
    const struct store_bounds *);

/* Whether retention is behind, so that it must not wait for an idle moment. */
bool sqlite_writer_is_over(const struct sqlite_writer *);

/* The channel, from the cache or the file, or made; NULL: see above. */
struct sqlite_channel *
sqlite_writer_channel(struct sqlite_writer *, const char *name, size_t len);

/* Writes back what is known of a channel; 0, or -1: see above. */
int sqlite_writer_save(struct sqlite_writer *, const struct sqlite_channel *);

/* Counts the floors of channels without events; 0, or -1: see above. */
int sqlite_writer_count_forgotten(struct sqlite_writer *);

/* Notes that a channel is to be trimmed. */
void sqlite_writer_add_over(struct sqlite_writer *, struct sqlite_channel *);

/*
 * Accepts a batch that cannot be stored in memory: events whose key was used
 * before are marked, and the other keys are remembered.
 */
void sqlite_writer_keep(struct sqlite_writer *, struct batch *);

/* Forgets the cache, after a transaction that came to nothing. */
void sqlite_writer_forget(struct sqlite_writer *);

#endif
