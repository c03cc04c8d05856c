/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_REPLY_H
#define CRIER_QUEUE_REPLY_H

#include <stddef.h>

#include "queue/queue.h"

/*
 * Replies that wait for a turn's batch to be committed, in the order of the
 * lines that they answer.
 */

/*
 * The reply to the event at this place in the turn's batch.  peer NULL: the
 * named pipe's, which is told of refusals alone.  0, or -1 (memory).
 */
int reply_add_event(struct queue *, struct queue_peer *, size_t event);

/* A reply that is known, but stands behind others of this peer's. */
int reply_add_text(struct queue *, struct queue_peer *, const char *text,
    size_t len);

/*
 * Ends the turn: commits the batch; the replies go out when it is done, which
 * may be at once.
 */
void reply_commit(struct queue *);

/* Frees replies that were never committed. */
void reply_free(struct reply_list *);

#endif
