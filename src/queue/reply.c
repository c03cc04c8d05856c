/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "queue/execute.h"
#include "queue/fifo.h"
#include "queue/peer.h"
#include "queue/reply.h"

enum {
	REPLY_MIN = 64,
	REPLY_IS_TEXT = -1
};

struct reply {
	struct queue_peer *peer;
	ptrdiff_t event; /* or REPLY_IS_TEXT */
	size_t off, len; /* of the text */
};

struct reply_list {
	struct queue *queue;
	struct reply *items;
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
reply_add(struct queue *q, const struct reply *reply)
{
	struct reply_list *l = q->replies;
	struct reply *grown;
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
	struct reply reply = { .peer = peer, .event = (ptrdiff_t)event };

	return reply_add(q, &reply);
}

int
reply_add_text(struct queue *q, struct queue_peer *peer, const char *text,
    size_t len)
{
	struct reply reply = {
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
reply_put_id(struct buffer *b, struct text_span id, size_t streams,
    bool is_duplicate)
{
	struct json_object *o = json_object_new_object();

	json_add(o, "ok", json_object_new_boolean(true));
	json_add_text(o, "id", id.text, id.len);
	json_add_number(o, "streams", streams);
	if (is_duplicate)
		json_add(o, "duplicate", json_object_new_boolean(true));
	return json_append(b, o) == 0 ? buffer_append(b, "\n", 1) : -1;
}

/* Whether an id stands in JSON as it is. */
static bool
reply_is_plain(const struct batch_event *e)
{
	return e->own_id_len == 0 && e->outcome == BATCH_ACCEPTED;
}

static int
reply_put_event(struct buffer *to, const struct batch *b,
    const struct batch_event *e)
{
	struct text_span id = batch_event_id(b, e);
	char line[ID_TEXT_SIZE + 64];
	int n;

	if (e->outcome == BATCH_REFUSED)
		return execute_put_error(to, EX_TEMPFAIL, b->error);
	if (reply_is_plain(e)) {
		/* Bulk publishing is all this. */
		n = snprintf(line, sizeof line,
		    "{\"ok\":true,\"id\":\"%.*s\",\"streams\":%zu}\n",
		    (int)id.len, id.text, e->streams);
		return buffer_append(to, line, (size_t)n);
	}
	if (e->outcome == BATCH_DUPLICATE && e->first_id != NULL) {
		id.text = e->first_id;
		id.len = strlen(e->first_id);
	}
	return reply_put_id(to, id, e->streams, e->outcome == BATCH_DUPLICATE);
}

static void
reply_give(const struct reply_list *l, const struct reply *r,
    const struct batch *b)
{
	struct buffer *out;

	if (r->peer == NULL) {
		if (b->events[r->event].outcome == BATCH_REFUSED)
			fifo_refuse(l->queue, b->error);
		return;
	}
	if ((out = peer_reply_buffer(r->peer)) != NULL) {
		if (r->event == REPLY_IS_TEXT)
			buffer_append(out, l->text.data + r->off, r->len);
		else
			reply_put_event(out, b, &b->events[r->event]);
	}
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

	if (l == NULL && q->hub->batch == NULL)
		return;
	q->replies = NULL;
	q->counters.batches++;
	/* Out of memory: they go with the next turn. */
	if (hub_commit(q->hub, reply_committed_cb, l) == -1) {
		q->replies = l;
		queue_turn_later(q);
	}
}
