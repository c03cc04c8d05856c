/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PEER_H
#define CRIER_QUEUE_PEER_H

#include "queue/queue.h"

/*
 * A connection to the queue's socket.  While it does not read its replies, no
 * more of its lines are read: it waits for itself alone.
 */

/* Takes an accepted descriptor; closes it if its user may not publish. */
void peer_open(struct queue *, int fd);

/* Sends the replies of the turn; frees the peer if it is gone. */
void peer_reply(struct queue_peer *);

void peer_close(struct queue_peer *);

/* Reads again from all that may be read from. */
void peer_update_all(struct queue *);

/*
 * Where a reply that was waited for goes, or NULL if nobody is there to read
 * it; then, in any case, peer_answered.
 */
struct buffer *peer_reply_buffer(struct queue_peer *);
void peer_answered(struct queue_peer *);

/*
 * Whether the process at the other end is of our own user or root, or of a
 * user or group that is listed.
 */
bool peer_is_listed(const struct config_list *allow, int fd);

#endif
