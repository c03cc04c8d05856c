/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A store in a directory of its own, for unit tests. */
#ifndef CRIER_TESTS_STORE_RUN_H
#define CRIER_TESTS_STORE_RUN_H

#include <sys/types.h>

#include "store/store.h"

/* What an event is, besides its id. */
struct store_run_event {
	uint64_t ms, n;
	const char *channels; /* names, with commas between them */
	const char *own_id;   /* NULL: none, as the next ones */
	const char *key;
	uint64_t expires_ms; /* by the wall clock */
};

enum {
	STORE_RUN_NAMES = 16 /* channels of a read */
};

struct store_run {
	struct event_base *base;
	struct store *store;
	struct store_options options;       /* to be changed between openings */
	uint64_t keep, keep_bytes, keep_ms; /* of channels, from now on */
	uint64_t wall_ms;                   /* of batches and reads */
	size_t reading;                     /* reads that are not done yet */
	size_t done;                        /* batches that are */
	char dir[32], path[64], url[80];
	/* Of the read that was asked last. */
	struct store_range ranges[STORE_RUN_NAMES];
	char names[STORE_RUN_NAMES][64];
	struct store_mark marks[STORE_MARKS];
	char room[1048576];
};

/* Makes the directory and opens the store; ends and removes all of it. */
struct store_run *store_run_start(void);
void store_run_stop(struct store_run *);

void store_run_open(struct store_run *);
void store_run_close(struct store_run *);

/* Opens what must not open; why, the caller's. */
char *store_run_fail(struct store_run *);

/* The number of files in the directory whose names contain that. */
int store_run_count_files(const struct store_run *, const char *part);

/* Adds an event with data of so many bytes. */
void store_run_add(const struct store_run *, struct batch *,
    const struct store_run_event *, size_t data_bytes);

/* Commits, and waits for it if asked to.  The batch stays the caller's. */
void store_run_commit(struct store_run *, struct batch *, bool wait);

/* The same for one event: what became of it. */
enum batch_outcome
store_run_put(struct store_run *, const struct store_run_event *);

/* So many events ms-0, ms-1, ... in one batch on one channel. */
void store_run_put_many(struct store_run *, const char *channel, uint64_t ms,
    size_t count, size_t data_bytes);

/* Names the channels of a read, behind ms-n, up to the end. */
void store_run_ask(struct store_run *, struct store_read *,
    const char *channels, uint64_t ms, uint64_t n);

/* Reads, waits, and fails if that fails; the caller clears it. */
void store_run_read(struct store_run *, struct store_read *);

/*
 * The same, and then "id id ... ." with a full stop if nothing is left, or
 * "...": valid until the next call.
 */
const char *store_run_ids(struct store_run *, struct store_read *);

/* A number of the status, waits until it is so; a text of it. */
uint64_t store_run_status(const struct store_run *, const char *name);
void store_run_wait(const struct store_run *, const char *name, uint64_t want);
const char *store_run_status_text(const struct store_run *, const char *name);

/* Runs SQL on the store's file, with another connection. */
void store_run_sql(const struct store_run *, const char *sql);

#endif
