/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PEER_H
#define CRIER_QUEUE_PEER_H

struct queue;

/*
 * A connection to the queue's socket.  While it does not read its replies, no
 * more of its lines are read: it waits for itself alone.
 */

/* Takes an accepted descriptor; closes it if its user may not publish. */
void peer_open(struct queue *, int fd);

/* Sends the replies of the turn to all that have some. */
void peer_reply_all(struct queue *);

/* Reads again from all that may be read from. */
void peer_update_all(struct queue *);

void peer_close_all(struct queue *);

#endif
