/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_H
#define CRIER_STORE_SQLITE_H

#include <pthread.h>
#include <stdbool.h>

#include "protocol/figures.h"
#include "store/handover.h"
#include "store/sqlite_writer.h"
#include "store/store.h"

/* The durable store, as its files share it; sqlite.c begins with its design. */

struct store_sqlite {
	struct store store; /* first: one is the other */
	char *path;
	enum store_durability durability;
	bool keep_in_memory;
	pthread_t write_thread, read_thread;
	struct handover handover;

	/* Held while the file is replaced, or opened to be read. */
	pthread_mutex_t replacing;

	pthread_mutex_t lock; /* over what follows, which all threads use */
	struct store_bounds bounds;
	unsigned generation; /* of the file: grows when it is set aside */
	struct store_figures figures;
	char last_error[BATCH_WHY_SIZE];

	/* The writer's alone. */
	struct sqlite_writer writer;
	uint64_t ahead_ms; /* the wall clock, of the monotonic one */
	bool is_degraded;
	int code; /* of the last failure */
};

/*
 * Opens the file for writing, before the threads run; a damaged one is set
 * aside, once.  A disk that is full now is no reason not to start: it is tried
 * again.  0, or -1 with *cause, the caller's.
 */
int write_thread_begin(struct store_sqlite *, char **cause);

/* The two threads, until the store is closed; arg is the store. */
void *write_thread_run(void *arg);
void *read_thread_run(void *arg);

#endif
