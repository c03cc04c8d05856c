/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <unistd.h>

#include "protocol/command.h"
#include "queue/fifo.h"
#include "queue/peer.h"
#include "queue/queue.h"
#include "queue/reply.h"

enum {
	/* JSON may write one byte of data as six, and adds names and id. */
	QUEUE_ESCAPED_BYTES = 6,
	QUEUE_LINE_EXTRA = 65536,
	QUEUE_HANDOFF_EXTRA = 262144, /* channels, and what came behind it */
	QUEUE_BATCHED_MAX = 16777216  /* bytes on their way through the store */
};

static void
queue_turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	struct queue_peer *p;

	(void)fd;
	(void)what;
	hub_now(q->hub);
	reply_commit(q);
	queue_resume(q);
	while ((p = TAILQ_FIRST(&q->replying)) != NULL)
		peer_reply(p);
}

bool
queue_is_full(const struct queue *q)
{
	return hub_committing_bytes(q->hub) > QUEUE_BATCHED_MAX;
}

void
queue_resume(struct queue *q)
{
	if (!q->is_paused || queue_is_full(q))
		return;
	q->is_paused = false;
	peer_update_all(q);
	fifo_resume(q->fifo);
}

void
queue_turn_later(struct queue *q)
{
	event_active(q->turn, 0, 0);
}

static void
queue_hub_turn_cb(void *arg)
{
	queue_turn_later(arg);
}

struct queue *
queue_new(struct event_base *base, struct hub *hub)
{
	struct queue *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->base = base;
	q->hub = hub;
	TAILQ_INIT(&q->peers);
	TAILQ_INIT(&q->replying);
	framing_init_raw(&q->framing, "queue");
	q->tokener = command_tokener();
	q->turn = event_new(base, -1, 0, queue_turn_cb, q);
	if (q->tokener == NULL || q->turn == NULL) {
		queue_free(q);
		return NULL;
	}
	hub_set_turn_cb(hub, queue_hub_turn_cb, q);
	return q;
}

static void
queue_release(struct queue *q)
{
	listener_free(q->listener);
	q->listener = NULL;
	fifo_free(q->fifo);
	q->fifo = NULL;
}

void
queue_close(struct queue *q)
{
	queue_release(q);
	reply_commit(q);
}

void
queue_free(struct queue *q)
{
	struct queue_peer *p;

	if (q == NULL)
		return;
	/* The store is gone: what is not committed never will be. */
	hub_set_turn_cb(q->hub, NULL, NULL);
	queue_release(q);
	while ((p = TAILQ_FIRST(&q->peers)) != NULL)
		peer_close(p);
	reply_free(q->replies);
	if (q->tokener != NULL)
		json_tokener_free(q->tokener);
	if (q->turn != NULL)
		event_free(q->turn);
	free(q);
}

static void
queue_accept_cb(void *arg, int fd)
{
	peer_open(arg, fd);
}

int
queue_listen(struct queue *q, int fd)
{
	listener_free(q->listener);
	q->listener = listener_new(q->base, fd, queue_accept_cb, q);
	return q->listener == NULL ? -1 : 0;
}

int
queue_read_fifo(struct queue *q, int fd)
{
	q->fifo = fifo_new(q, fd);
	return q->fifo == NULL ? -1 : 0;
}

void
queue_set_status(struct queue *q,
    void (*status_cb)(void *, struct json_object *), void *arg)
{
	q->status_cb = status_cb;
	q->status_arg = arg;
}

void
queue_set_handoff(struct queue *q,
    int (*handoff_cb)(void *, struct json_object *, int, struct buffer *),
    void *arg)
{
	q->handoff_cb = handoff_cb;
	q->handoff_arg = arg;
}

void
queue_serve(struct queue *q, int fd)
{
	peer_open(q, fd);
}

size_t
queue_line_max(const struct queue *q)
{
	return hub_config(q->hub)->max_event_bytes * QUEUE_ESCAPED_BYTES +
	    QUEUE_LINE_EXTRA;
}

size_t
queue_handoff_max(const struct queue *q)
{
	return queue_line_max(q) + QUEUE_HANDOFF_EXTRA +
	    hub_config(q->hub)->max_request_bytes * QUEUE_ESCAPED_BYTES;
}
