/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/ask.h"

static void
ask_clear(struct ask_reply *r)
{
	size_t i;

	for (i = 0; i < r->item_count; i++)
		free(r->items[i]);
	free(r->text);
	memset(r, 0, sizeof *r);
}

static void
ask_wake(struct ask *a)
{
	a->is_waiting = false;
	event_base_loopbreak(a->base);
}

static void
ask_up_cb(void *arg)
{
	struct ask *a = arg;

	a->is_up = true;
	ask_wake(a);
}

static void
ask_down_cb(void *arg, const char *why)
{
	struct ask *a = arg;

	snprintf(a->why, sizeof a->why, "%s", why);
	ask_wake(a);
}

/* Copies what there is of a reply. */
static void
ask_reply_cb(void *arg, const redisReply *reply)
{
	struct ask *a = arg;
	struct ask_reply *r = &a->reply;
	const redisReply *e;
	size_t i;

	r->type = reply->type;
	r->number = reply->integer;
	r->text = strdup(reply->str == NULL ? "" : reply->str);
	for (i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements &&
	     i < ASK_ITEMS;
	     i++) {
		e = reply->element[i];
		r->items[r->item_count++] =
		    strdup(e->str == NULL ? "" : e->str);
	}
	ask_wake(a);
}

/* The link tells its end, if nothing else comes. */
static void
ask_wait(struct ask *a)
{
	a->is_waiting = true;
	while (a->is_waiting)
		if (event_base_loop(a->base, EVLOOP_ONCE) != 0)
			ask_down_cb(a, "nothing more can come");
}

static int
ask_fail(struct ask *a, const char *why)
{
	snprintf(a->why, sizeof a->why, "%s", why);
	return -1;
}

int
ask_open(struct ask *a, const struct redis_link_peer *peer)
{
	const struct redis_link_owner owner = {
		.up = ask_up_cb, .down = ask_down_cb, .arg = a
	};

	memset(a, 0, sizeof *a);
	if ((a->base = event_base_new()) == NULL ||
	    (a->link = redis_link_new(a->base, peer, &owner)) == NULL)
		return ask_fail(a, "out of memory");
	ask_wait(a);
	return a->is_up ? 0 : -1;
}

void
ask_close(struct ask *a)
{
	redis_link_free(a->link);
	if (a->base != NULL)
		event_base_free(a->base);
	ask_clear(&a->reply);
	a->link = NULL;
	a->base = NULL;
}

int
ask(struct ask *a, const struct redis_command *c)
{
	uint64_t began = clock_monotonic_us();
	size_t i;

	ask_clear(&a->reply);
	if (a->why[0] != '\0')
		return -1;
	if (redis_link_send(a->link, &c->words, ask_reply_cb, a) == -1)
		return ask_fail(a, "out of memory");
	ask_wait(a);
	if (a->why[0] != '\0')
		return -1;
	a->reply.us = clock_monotonic_us() - began;
	for (i = 0; i < a->reply.item_count; i++)
		if (a->reply.items[i] == NULL)
			return ask_fail(a, "out of memory");
	return a->reply.text == NULL ? ask_fail(a, "out of memory") : 0;
}

int
ask_words(struct ask *a, const char *const *words, size_t count)
{
	struct redis_command c;
	size_t i;
	int rc;

	if (redis_command_begin(&c, count) == -1)
		return ask_fail(a, "out of memory");
	for (i = 0; i < count; i++)
		redis_command_add_text(&c, words[i]);
	rc = ask(a, &c);
	redis_command_clear(&c);
	return rc;
}
