/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>

#include "base/buffer.h"
#include "queue/replies.h"

enum {
	REPLIES_MIN = 64,
	REPLIES_BYTES_MAX = 16777216, /* on their way through the store */
	REPLY_IS_TEXT = -1
};

struct reply_item {
	const struct asker *asker;
	void *who;
	ptrdiff_t event; /* or REPLY_IS_TEXT */
	size_t off, len; /* of the text */
};

/*
 * The replies of one turn.  The hub keeps the list while the store has the
 * batch.
 */
struct reply_list {
	struct reply_item *items;
	size_t count, capacity;
	struct buffer text;
};

static void
replies_free_list(struct reply_list *l)
{
	if (l == NULL)
		return;
	buffer_clear(&l->text);
	free(l->items);
	free(l);
}

int
replies_init(struct replies *r, struct event_base *base, struct hub *hub,
    event_callback_fn turn_cb, void *arg)
{
	r->hub = hub;
	r->turn = event_new(base, -1, 0, turn_cb, arg);
	return r->turn == NULL ? -1 : 0;
}

void
replies_clear(struct replies *r)
{
	replies_free_list(r->list);
	r->list = NULL;
	if (r->turn != NULL)
		event_free(r->turn);
	r->turn = NULL;
}

void
replies_commit_later(struct replies *r)
{
	/* Called for each line, where event_active would cost locks each time.
	 */
	if (!r->is_due)
		event_active(r->turn, 0, 0);
	r->is_due = true;
}

static int
replies_add(struct replies *r, const struct reply_item *item)
{
	struct reply_list *l = r->list;
	struct reply_item *grown;
	size_t capacity;

	if (l == NULL) {
		if ((l = calloc(1, sizeof *l)) == NULL)
			return -1;
		r->list = l;
	}
	if (l->count == l->capacity) {
		capacity = l->capacity == 0 ? REPLIES_MIN : l->capacity * 2;
		grown = reallocarray(l->items, capacity, sizeof *grown);
		if (grown == NULL)
			return -1;
		l->items = grown;
		l->capacity = capacity;
	}
	l->items[l->count++] = *item;
	replies_commit_later(r);
	return 0;
}

int
replies_add_event(struct replies *r, const struct asker *asker, void *who,
    size_t event)
{
	struct reply_item item = {
		.asker = asker, .who = who, .event = (ptrdiff_t)event
	};

	return replies_add(r, &item);
}

int
replies_add_text(struct replies *r, const struct asker *asker, void *who,
    const char *text, size_t len)
{
	struct reply_item item = {
		.asker = asker, .who = who, .event = REPLY_IS_TEXT, .len = len
	};

	item.off = r->list == NULL ? 0 : r->list->text.len;
	if (replies_add(r, &item) == -1)
		return -1;
	if (buffer_append(&r->list->text, text, len) == 0)
		return 0;
	r->list->count--;
	return -1;
}

static void
replies_give(const struct reply_list *l, const struct reply_item *item,
    const struct batch *b)
{
	struct hub_outcome outcome;

	if (item->event == REPLY_IS_TEXT) {
		item->asker->text_cb(item->who, l->text.data + item->off,
		    item->len);
		return;
	}
	outcome = hub_get_outcome(b, (size_t)item->event);
	item->asker->event_cb(item->who, &outcome);
}

static void
replies_committed_cb(void *arg, struct batch *b)
{
	struct reply_list *l = arg;
	size_t i;

	for (i = 0; l != NULL && i < l->count; i++)
		replies_give(l, &l->items[i], b);
	replies_free_list(l);
}

bool
replies_commit(struct replies *r)
{
	struct reply_list *l = r->list;

	r->is_due = false;
	if (l == NULL && !hub_has_batch(r->hub))
		return false;
	/* The batch takes this list along; from now on lines begin a new one.
	 */
	r->list = NULL;
	if (hub_commit(r->hub, replies_committed_cb, l) == -1) {
		/*
		 * Out of memory: the next turn tries again, with its own lines.
		 */
		r->list = l;
		replies_commit_later(r);
		return true;
	}
	r->turns++;
	return true;
}

static bool
replies_are_too_many(const struct replies *r)
{
	return hub_committing_bytes(r->hub) > REPLIES_BYTES_MAX;
}

bool
replies_may_read(struct replies *r)
{
	if (!replies_are_too_many(r))
		return true;
	r->is_paused = true;
	return false;
}

bool
replies_may_resume(struct replies *r)
{
	if (!r->is_paused || replies_are_too_many(r))
		return false;
	r->is_paused = false;
	return true;
}
