/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "store/handover.h"

enum {
	HANDOVER_WAIT_S = 1
};

/* If the pipe is full this write fails, and what is in it wakes the loop. */
static void
handover_wake_loop(struct handover *h)
{
	ssize_t n = write(h->done_pipe[1], "", 1);

	(void)n;
}

void
handover_finish(struct handover *h)
{
	struct batch_list batches = STAILQ_HEAD_INITIALIZER(batches);
	struct store_read_list reads = STAILQ_HEAD_INITIALIZER(reads);
	struct store_read *r;
	struct batch *b;

	pthread_mutex_lock(&h->lock);
	STAILQ_CONCAT(&batches, &h->done_batches);
	STAILQ_CONCAT(&reads, &h->done_reads);
	pthread_mutex_unlock(&h->lock);
	while ((b = STAILQ_FIRST(&batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&batches, link);
		b->done(b);
	}
	while ((r = STAILQ_FIRST(&reads)) != NULL) {
		STAILQ_REMOVE_HEAD(&reads, link);
		r->done(r);
	}
}

/* Empties the pipe first: a byte that comes later means another call. */
static void
handover_done_cb(evutil_socket_t fd, short what, void *arg)
{
	char drain[256];

	(void)what;
	while (read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
		;
	handover_finish(arg);
}

int
handover_init(struct handover *h, struct event_base *base)
{
	pthread_condattr_t attr;

	STAILQ_INIT(&h->batches);
	STAILQ_INIT(&h->done_batches);
	STAILQ_INIT(&h->reads);
	STAILQ_INIT(&h->done_reads);
	h->is_closing = h->is_nudged = false;
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->to_write, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&h->to_read, NULL);
	h->done_event = NULL;
	if (pipe2(h->done_pipe, O_NONBLOCK | O_CLOEXEC) == -1) {
		h->done_pipe[0] = h->done_pipe[1] = -1;
		return -1;
	}
	h->done_event = event_new(base, h->done_pipe[0], EV_READ | EV_PERSIST,
	    handover_done_cb, h);
	return h->done_event == NULL ? -1 : event_add(h->done_event, NULL);
}

void
handover_clear(struct handover *h)
{
	if (h->done_event != NULL)
		event_free(h->done_event);
	if (h->done_pipe[0] != -1) {
		close(h->done_pipe[0]);
		close(h->done_pipe[1]);
	}
	pthread_cond_destroy(&h->to_write);
	pthread_cond_destroy(&h->to_read);
	pthread_mutex_destroy(&h->lock);
}

void
handover_give_batch(struct handover *h, struct batch *b)
{
	pthread_mutex_lock(&h->lock);
	STAILQ_INSERT_TAIL(&h->batches, b, link);
	pthread_cond_signal(&h->to_write);
	pthread_mutex_unlock(&h->lock);
}

void
handover_give_read(struct handover *h, struct store_read *r)
{
	pthread_mutex_lock(&h->lock);
	STAILQ_INSERT_TAIL(&h->reads, r, link);
	pthread_cond_signal(&h->to_read);
	pthread_mutex_unlock(&h->lock);
}

bool
handover_cancel_read(struct handover *h, struct store_read *r)
{
	struct store_read *other;

	pthread_mutex_lock(&h->lock);
	STAILQ_FOREACH(other, &h->reads, link)
		if (other == r)
			break;
	if (other != NULL)
		STAILQ_REMOVE(&h->reads, r, store_read, link);
	pthread_mutex_unlock(&h->lock);
	return other != NULL;
}

void
handover_close(struct handover *h)
{
	pthread_mutex_lock(&h->lock);
	h->is_closing = true;
	pthread_cond_signal(&h->to_write);
	pthread_cond_signal(&h->to_read);
	pthread_mutex_unlock(&h->lock);
}

/* Takes as many batches as fit into one transaction; one at least. */
static void
handover_take_some(struct handover *h, struct batch_list *list, uint64_t most)
{
	struct batch *b;
	uint64_t bytes = 0;

	while (bytes < most && (b = STAILQ_FIRST(&h->batches)) != NULL) {
		bytes += b->bytes.len;
		STAILQ_REMOVE_HEAD(&h->batches, link);
		STAILQ_INSERT_TAIL(list, b, link);
	}
}

bool
handover_take_batches(struct handover *h, struct batch_list *list,
    uint64_t most_bytes, bool may_wait, bool *is_nudged)
{
	struct timespec until;
	bool is_closing;

	STAILQ_INIT(list);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HANDOVER_WAIT_S;
	pthread_mutex_lock(&h->lock);
	if (may_wait && STAILQ_EMPTY(&h->batches) && !h->is_closing &&
	    !h->is_nudged)
		pthread_cond_timedwait(&h->to_write, &h->lock, &until);
	handover_take_some(h, list, most_bytes);
	*is_nudged = h->is_nudged;
	h->is_nudged = false;
	is_closing = h->is_closing;
	pthread_mutex_unlock(&h->lock);
	return !STAILQ_EMPTY(list) || !is_closing;
}

void
handover_return_batches(struct handover *h, struct batch_list *list)
{
	pthread_mutex_lock(&h->lock);
	STAILQ_CONCAT(&h->done_batches, list);
	pthread_mutex_unlock(&h->lock);
	handover_wake_loop(h);
}

struct store_read *
handover_take_read(struct handover *h)
{
	struct store_read *r;

	pthread_mutex_lock(&h->lock);
	while (STAILQ_EMPTY(&h->reads) && !h->is_closing)
		pthread_cond_wait(&h->to_read, &h->lock);
	if ((r = STAILQ_FIRST(&h->reads)) != NULL)
		STAILQ_REMOVE_HEAD(&h->reads, link);
	pthread_mutex_unlock(&h->lock);
	return r;
}

void
handover_return_read(struct handover *h, struct store_read *r)
{
	pthread_mutex_lock(&h->lock);
	STAILQ_INSERT_TAIL(&h->done_reads, r, link);
	pthread_mutex_unlock(&h->lock);
	handover_wake_loop(h);
}

void
handover_nudge_writer(struct handover *h)
{
	pthread_mutex_lock(&h->lock);
	h->is_nudged = true;
	pthread_cond_signal(&h->to_write);
	pthread_mutex_unlock(&h->lock);
}
