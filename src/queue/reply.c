/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "protocol/reply.h"
#include "queue/execute.h"
#include "queue/fifo.h"
#include "queue/peer.h"
#include "queue/reply.h"

enum {
	REPLY_MIN = 64,
	REPLY_IS_TEXT = -1
};

struct reply_item {
	struct queue_peer *peer;
	ptrdiff_t event; /* or REPLY_IS_TEXT */
	size_t off, len; /* of the text */
};

struct reply_list {
	struct queue *queue;
	struct reply_item *items;
	size_t count, capacity;
	struct buffer text;
};

void
reply_free(struct reply_list *l)
{
	if (l == NULL)
		return;
	buffer_clear(&l->text);
	free(l->items);
	free(l);
}

static int
reply_add(struct queue *q, const struct reply_item *reply)
{
	struct reply_list *l = q->replies;
	struct reply_item *grown;
	size_t capacity;

	if (l == NULL) {
		if ((l = calloc(1, sizeof *l)) == NULL)
			return -1;
		l->queue = q;
		q->replies = l;
	}
	if (l->count == l->capacity) {
		capacity = l->capacity == 0 ? REPLY_MIN : l->capacity * 2;
		grown = reallocarray(l->items, capacity, sizeof *grown);
		if (grown == NULL)
			return -1;
		l->items = grown;
		l->capacity = capacity;
	}
	l->items[l->count++] = *reply;
	queue_turn_later(q);
	return 0;
}

int
reply_add_event(struct queue *q, struct queue_peer *peer, size_t event)
{
	struct reply_item reply = { .peer = peer, .event = (ptrdiff_t)event };

	return reply_add(q, &reply);
}

int
reply_add_text(struct queue *q, struct queue_peer *peer, const char *text,
    size_t len)
{
	struct reply_item reply = {
		.peer = peer, .event = REPLY_IS_TEXT, .len = len
	};

	/* It waits for others, so the list is there. */
	reply.off = q->replies == NULL ? 0 : q->replies->text.len;
	if (reply_add(q, &reply) == -1)
		return -1;
	if (buffer_append(&q->replies->text, text, len) == 0)
		return 0;
	q->replies->count--;
	return -1;
}

static int
reply_put_outcome(struct buffer *to, const struct hub_outcome *o)
{
	if (o->refusal != NULL)
		return reply_put_error(to, EX_TEMPFAIL, o->refusal);
	if (o->is_own_id || o->is_duplicate)
		return reply_put_event(to, o->id, o->streams, o->is_duplicate);
	/* Bulk publishing is all this. */
	return reply_put_new_event(to, o->id, o->streams);
}

static void
reply_put(struct buffer *to, const struct reply_list *l,
    const struct reply_item *r, const struct batch *b)
{
	struct hub_outcome o;

	if (r->event == REPLY_IS_TEXT) {
		buffer_append(to, l->text.data + r->off, r->len);
		return;
	}
	o = hub_get_outcome(b, (size_t)r->event);
	reply_put_outcome(to, &o);
}

static void
reply_give(const struct reply_list *l, const struct reply_item *r,
    const struct batch *b)
{
	struct hub_outcome o;
	struct buffer *out;

	if (r->peer == NULL) {
		o = hub_get_outcome(b, (size_t)r->event);
		if (o.refusal != NULL)
			fifo_refuse(l->queue, o.refusal);
		return;
	}
	if ((out = peer_reply_buffer(r->peer)) != NULL)
		reply_put(out, l, r, b);
	peer_answered(r->peer);
}

static void
reply_committed_cb(void *arg, struct batch *b)
{
	struct reply_list *l = arg;
	size_t i;

	for (i = 0; l != NULL && i < l->count; i++)
		reply_give(l, &l->items[i], b);
	reply_free(l);
}

void
reply_commit(struct queue *q)
{
	struct reply_list *l = q->replies;

	if (l == NULL && !hub_has_batch(q->hub))
		return;
	q->replies = NULL;
	q->counters.batches++;
	/* Out of memory: they go with the next turn. */
	if (hub_commit(q->hub, reply_committed_cb, l) == -1) {
		q->replies = l;
		queue_turn_later(q);
	}
}
