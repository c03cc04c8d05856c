/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_H
#define CRIER_STORE_SQLITE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/sqlite_write.h"
#include "store/store.h"

/*
 * The durable store.  Two threads, each with a connection of its own: one
 * writes, batch after batch, everything that waits being the next commit's; one
 * reads for those who resume, so that neither waits for the other.  What is
 * done comes back to the loop through a pipe.
 *
 * The writer uses its idle moments for retention.
 */

enum {
	SQLITE_WHY_SIZE = 160
};

struct store_sqlite {
	struct store store; /* first: one is the other */
	char *path;
	enum store_durability durability;
	bool keep_in_memory;
	struct event *done_event;
	int done_pipe[2];

	pthread_t write_thread, read_thread;
	pthread_mutex_t replacing; /* the file, or opening it to read */
	pthread_mutex_t lock;      /* over all that follows */
	pthread_cond_t to_write, to_read;
	struct batch_list batches, done_batches;
	struct store_read *reads, **reads_end, *done_reads, **done_reads_end;
	uint64_t key_ms;
	bool is_closing;
	bool is_damaged;     /* as the reader found */
	unsigned generation; /* of the file: grows when it is set aside */
	/* Status. */
	uint64_t events, bytes, channels, oldest_ms;
	uint64_t commits, read_count, errors;
	bool is_degraded;
	char last_error[160];

	/* The writer's alone. */
	struct sqlite_writer writer;
	int code; /* of the last failure */
};

/*
 * Opens the file for writing; a damaged one is set aside, once.  0, or -1 with
 * *cause, the caller's.
 */
int store_sqlite_open_file(struct store_sqlite *, char **cause);

/* What the two threads do until the store is closed; arg is the store. */
void *store_sqlite_write_thread(void *arg);
void *store_sqlite_read_thread(void *arg);

/* Tells the loop that something is done. */
void store_sqlite_wake(struct store_sqlite *);

#endif
