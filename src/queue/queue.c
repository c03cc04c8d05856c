/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>

#include "queue/fifo.h"
#include "queue/peer.h"
#include "queue/state.h"

static void
queue_commit(struct queue *q)
{
	if (replies_commit(&q->replies))
		q->figures.counters.batches++;
}

/* The end of a turn: all that was readable was read. */
static void
queue_turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	hub_now(q->hub);
	q->readers_before = q->readers;
	q->readers = 0;
	/* 1. The batch; with the memory store its replies are there at once. */
	queue_commit(q);
	/* 2. Reading goes on if the store has done enough of what it had. */
	if (replies_may_resume(&q->replies)) {
		peer_update_all(q);
		fifo_resume(q->fifo);
	}
	/* 3. One write for each peer. */
	peer_reply_all(q);
}

static void
queue_hub_turn_cb(void *arg)
{
	struct queue *q = arg;

	replies_commit_later(&q->replies);
}

static void
queue_again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	hub_now(q->hub);
	peer_go_on_all(q);
}

static void
queue_costly_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	hub_now(q->hub);
	peer_give_turns(q);
}

static void
queue_sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	peer_sweep(arg);
}

static int
queue_make_timers(struct queue *q)
{
	q->again_timer = evtimer_new(q->base, queue_again_cb, q);
	q->costly_timer = evtimer_new(q->base, queue_costly_cb, q);
	q->sweep_timer = evtimer_new(q->base, queue_sweep_cb, q);
	return q->again_timer == NULL || q->costly_timer == NULL ||
		q->sweep_timer == NULL
	    ? -1
	    : 0;
}

static void
queue_free_timers(struct queue *q)
{
	if (q->again_timer != NULL)
		event_free(q->again_timer);
	if (q->costly_timer != NULL)
		event_free(q->costly_timer);
	if (q->sweep_timer != NULL)
		event_free(q->sweep_timer);
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
	TAILQ_INIT(&q->again);
	TAILQ_INIT(&q->costly);
	queue_set_connections(q, hub_config(hub)->queue_connections);
	framing_init_raw(&q->framing, "queue");
	q->tokener = command_tokener();
	if (q->tokener == NULL || queue_make_timers(q) == -1 ||
	    replies_init(&q->replies, base, hub, queue_turn_cb, q) == -1) {
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
	queue_commit(q);
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	/*
	 * The store is gone: the hub must not ask for a commit any more.
	 */
	hub_set_turn_cb(q->hub, NULL, NULL);
	queue_release(q);
	peer_close_all(q);
	replies_clear(&q->replies);
	queue_free_timers(q);
	buffer_clear(&q->spare);
	if (q->tokener != NULL)
		json_tokener_free(q->tokener);
	free(q);
}

static void
queue_accept_cb(void *arg, int fd)
{
	peer_open(arg, fd, false);
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
queue_set_control(struct queue *q,
    int (*control_cb)(void *, enum command_kind, bool, struct buffer *),
    void *arg)
{
	q->control_cb = control_cb;
	q->control_arg = arg;
}

void
queue_set_run(struct queue *q,
    int (*run_cb)(void *, struct json_object *, struct buffer *,
	void (*)(void *, const struct buffer *), void *),
    void *arg)
{
	q->run_cb = run_cb;
	q->run_arg = arg;
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
	peer_open(q, fd, true);
}

void
queue_set_connections(struct queue *q, size_t max)
{
	q->figures.connections_max = max;
}

struct queue_figures
queue_get_figures(const struct queue *q)
{
	return q->figures;
}
