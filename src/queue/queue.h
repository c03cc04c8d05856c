/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_QUEUE_H
#define CRIER_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/listener.h"
#include "hub/hub.h"
#include "protocol/figures.h"

/*
 * Where new events come in: a Unix socket with the line protocol of crier(7),
 * and a named pipe.
 *
 * All lines that are readable in one turn of the loop are one batch: each is
 * carried out as it is read, and when all descriptors were looked at, what was
 * published is delivered once and the replies go out, one write for each peer.
 */

struct queue_peer;
struct queue_fifo;
struct reply_list;

struct queue {
	struct event_base *base;
	struct hub *hub;
	struct listener *listener;
	TAILQ_HEAD(queue_peers_head, queue_peer) peers;
	TAILQ_HEAD(queue_replying_head,
	    queue_peer) replying;   /* have replies to be sent */
	struct reply_list *replies; /* of this turn's batch, or NULL */
	size_t peer_count;
	bool is_paused; /* since queue_is_full */
	struct queue_fifo *fifo;
	struct json_tokener *tokener;
	struct event *turn;
	struct framing framing; /* of streams on the queue's own connections */
	struct queue_counters counters;
	void (*status_cb)(void *arg, struct json_object *status);
	void *status_arg;
	int (*handoff_cb)(void *arg, struct json_object *line, int fd,
	    struct buffer *reply); /* takes fd; 0, or -1 (memory) */
	void *handoff_arg;
};

/* A queue into this hub, or NULL (memory). */
struct queue *queue_new(struct event_base *, struct hub *);

/* Closes and frees everything. */
void queue_free(struct queue *);

/* Who takes the streams that other processes' doors hand over. */
void queue_set_handoff(struct queue *,
    int (*handoff_cb)(void *, struct json_object *, int, struct buffer *),
    void *arg);

/* Serves a connection to this process itself: the descriptor is the queue's. */
void queue_serve(struct queue *, int fd);

/* Takes a listening Unix socket; 0, or -1. */
int queue_listen(struct queue *, int fd);

/* Reads lines from a named pipe that is open for reading and writing. */
int queue_read_fifo(struct queue *, int fd);

/*
 * Accepts no more connections and ends the turn: what is in the named pipe is
 * on its way to the store when it returns.
 */
void queue_close(struct queue *);

/* Who else has something to add to `status`. */
void queue_set_status(struct queue *,
    void (*status_cb)(void *, struct json_object *), void *arg);

/*
 * Bytes that a line may have, its end not counted; and one of who may hand
 * streams over, with all that their requests were.
 */
size_t queue_line_max(const struct queue *);
size_t queue_handoff_max(const struct queue *);

/*
 * Whether so much waits for the store that nothing more is read.  queue_resume
 * when that may have changed.
 */
bool queue_is_full(const struct queue *);
void queue_resume(struct queue *);

/* Sees that this turn ends with a commit, and replies are sent. */
void queue_turn_later(struct queue *);

#endif
