/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PEER_PART_H
#define CRIER_QUEUE_PEER_PART_H

#include "base/buffer.h"
#include "base/lines.h"
#include "base/list.h"
#include "hub/retained.h"
#include "queue/passed.h"
#include "queue/state.h"

/*
 * A peer from within: peer.c has its connection, peer_line.c what its lines do,
 * one after the other, peer_bounds.c what it may make us hold, and for how
 * long. Only peer.c calls the others.
 *
 * A peer may be gone while the store still has events of it.  Its connection
 * and its buffers go at once, the structure with the last of their replies.
 */
struct queue_peer {
	TAILQ_ENTRY(queue_peer) link;
	TAILQ_ENTRY(queue_peer) replying;
	TAILQ_ENTRY(queue_peer) stopped; /* in again or costly */
	struct queue *queue;
	struct event *io;
	int fd;
	short watched;    /* EV_READ, EV_WRITE */
	bool is_replying; /* in queue->replying */
	bool is_over;     /* nothing more comes */
	bool is_deaf;     /* replies cannot be sent, but lines still come */
	bool is_own;      /* of this process: no stranger's, and unbounded */
	bool has_turn;    /* to carry out one line that is costly */
	bool is_ended;    /* by us: it is closed when its replies are sent */
	enum peer_stop {
		PEER_RUNS,
		PEER_AWAITS_REPLIES, /* to the lines before its next one */
		PEER_AWAITS_TURN,    /* in queue->costly */
		PEER_AWAITS_READER,  /* of the replies that are there */
		PEER_GOES_ON         /* in queue->again */
	} stop;                      /* why lines that are read are not taken */
	bool is_gone;                /* freed when its last reply is due */
	bool may_hand_off;           /* as the configuration `judged` has it */
	const struct config *judged; /* NULL: not asked yet */
	bool is_ordered; /* an event is published after all before it */
	bool has_failed; /* and one of these was refused for now */
	bool is_asking;  /* all nodes, or the store; it takes no line then */
	enum command_kind asked;  /* of all nodes */
	struct retained *history; /* asked of the store; or NULL */
	uint64_t turn;        /* in which it published last, of the replies' */
	size_t pending;       /* replies that wait for the store */
	size_t pending_bytes; /* of those that are known */
	size_t held;          /* bytes that are counted for it */
	uint64_t begun_ms;    /* since when its line has no end; 0: none */
	uint64_t stuck_ms;    /* since when no reply was read; 0: all were */
	struct passed passed;
	size_t counted;    /* descriptors of passed, in the queue's figures */
	uint64_t received; /* bytes so far: up to the end of in */
	struct buffer in, out;
	struct lines lines; /* of in */
};

/* What became of a line, besides -1: the peer cannot be served any more. */
enum {
	PEER_DONE,    /* it is answered, or will be */
	PEER_STREAMS, /* the hub has the connection now */
	PEER_WAITS,   /* it must stay until all before it are answered */
	PEER_TURN     /* or until it is its turn */
};

enum {
	PEER_READ_BYTES = 131072
};

/*
 * Whether it has so many unread replies that none of its lines are taken, or
 * holds more than its share when all hold too much.
 */
bool peer_is_full(const struct queue_peer *);

/* Whether all connections together hold more than queue-bytes. */
bool peer_is_crowded(const struct queue_peer *);

/* Whether the line that it has begun takes room that others need. */
bool peer_has_too_much(const struct queue_peer *);

/* Gives memory back that it does not need now, and counts what it has. */
void peer_shrink(struct queue_peer *);

/* Counts the descriptors that wait with its lines. */
void peer_count_passed(struct queue_peer *);

/* Notes since when it has begun a line, after lines were taken. */
void peer_note_line(struct queue_peer *);

/* Notes since when replies are unread; before: how many bytes there were. */
void peer_note_reader(struct queue_peer *, size_t before);

/* NULL; or why it is closed, at this time. */
const char *peer_find_fault(struct queue_peer *, uint64_t now_ms);

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
