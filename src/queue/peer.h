/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PEER_H
#define CRIER_QUEUE_PEER_H

#include <stdbool.h>

struct queue;

/*
 * A connection to the queue's socket.  While it does not read its replies, no
 * more of its lines are read: it waits for itself alone.
 */

/*
 * Takes an accepted descriptor; closes it if its user may not publish, or there
 * are too many.  is_own: the other end is this process's.
 */
void peer_open(struct queue *, int fd, bool is_own);

/* Sends the replies of the turn to all that have some. */
void peer_reply_all(struct queue *);

/* Reads again from all that may be read from. */
void peer_update_all(struct queue *);

/* Has those go on with their lines that have waited for this turn. */
void peer_go_on_all(struct queue *);

/* Carries out lines that cost, as many as may be now. */
void peer_give_turns(struct queue *);

/* Closes those that have begun a line, or not read, for too long. */
void peer_sweep(struct queue *);

void peer_close_all(struct queue *);

#endif
