/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PEER_PART_H
#define CRIER_QUEUE_PEER_PART_H

#include "base/buffer.h"
#include "base/lines.h"
#include "base/list.h"
#include "queue/passed.h"
#include "queue/state.h"

/*
 * A peer from within: peer.c has its connection, peer_line.c what its lines do,
 * one after the other.  Only peer.c calls the other.
 *
 * A peer may be gone while the store still has events of it.  Its connection
 * and its buffers go at once, the structure with the last of their replies.
 */
struct queue_peer {
	TAILQ_ENTRY(queue_peer) link;
	TAILQ_ENTRY(queue_peer) replying;
	struct queue *queue;
	struct event *io;
	int fd;
	short watched;     /* EV_READ, EV_WRITE */
	bool is_replying;  /* in queue->replying */
	bool is_over;      /* nothing more comes */
	bool is_deaf;      /* replies cannot be sent, but lines still come */
	bool is_waiting;   /* its next line waits for the replies before it */
	bool is_gone;      /* freed when its last reply is due */
	bool may_hand_off; /* as the configuration `judged` has it */
	const struct config *judged; /* NULL: not asked yet */
	size_t pending;              /* replies that wait for the store */
	struct passed passed;
	uint64_t received; /* bytes so far: up to the end of in */
	struct buffer in, out;
	struct lines lines; /* of in */
};

/* What became of a line, besides -1: the peer cannot be served any more. */
enum {
	PEER_DONE,    /* it is answered, or will be */
	PEER_STREAMS, /* the hub has the connection now */
	PEER_WAITS    /* it must stay until all before it are answered */
};

/* Carries out a line without its end. */
int peer_take_line(struct queue_peer *, struct text_span line);

/* Answers a line that was longer than may be. */
int peer_refuse_long_line(struct queue_peer *);

/*
 * Where the line in front begins, in bytes from the peer's first: descriptors
 * are matched by it.
 */
uint64_t peer_position(const struct queue_peer *);

/* Whether it may hand over streams, as the configuration of now says. */
bool peer_may_hand_off(struct queue_peer *);

/* Sees that its replies are sent when this turn ends. */
void peer_reply_later(struct queue_peer *);

/* The loop must not know its descriptor any more, or not yet. */
void peer_unwatch(struct queue_peer *);

#endif
