/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_HANDOVER_H
#define CRIER_STORE_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>

#include "store/store.h"

/*
 * What passes between the loop's thread and the two threads of a store: batches
 * to the writer, reads to the reader, and both back when they are done.  A
 * batch or a read belongs to the side that it is on, so nothing in it needs a
 * lock; only the lists do in which batches and reads wait.
 */
struct handover {
	struct event *done_event; /* the loop's, on the reading end */
	int done_pipe[2];         /* a byte in it: something is done */

	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t to_write, to_read;
	struct batch_list batches, done_batches;
	struct store_read_list reads, done_reads;
	bool is_closing;
	bool is_nudged; /* the reader has found work for the writer */
};

/* 0, or -1 (memory, descriptors); handover_clear either way. */
int handover_init(struct handover *, struct event_base *);
void handover_clear(struct handover *);

/*
 * The loop's side.  When a batch or a read is done, its own `done` is called.
 */
void handover_give_batch(struct handover *, struct batch *);
void handover_give_read(struct handover *, struct store_read *);

/* Takes back a read that still waits; false: the reader has, or had, it. */
bool handover_cancel_read(struct handover *, struct store_read *);

/* Tells the threads to end when they have done all that was given. */
void handover_close(struct handover *);

/*
 * Calls `done` for all that is done.  The loop does this by itself; whoever
 * closes does it once more when the threads have ended.
 */
void handover_finish(struct handover *);

/*
 * The writer's side.  Takes the batches that wait, up to about most_bytes of
 * them; may_wait: if there is none, waits for one, for a nudge, or for a
 * second. False: closed, and none left.
 */
bool handover_take_batches(struct handover *, struct batch_list *,
    uint64_t most_bytes, bool may_wait, bool *is_nudged);
void handover_return_batches(struct handover *, struct batch_list *);

/* The reader's side; NULL: closed, and none left. */
struct store_read *handover_take_read(struct handover *);
void handover_return_read(struct handover *, struct store_read *);
void handover_nudge_writer(struct handover *);

#endif
