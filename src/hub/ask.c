/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/ask.h"
#include "hub/close.h"
#include "hub/merge.h"
#include "hub/nodes.h"
#include "hub/presence.h"
#include "hub/run.h"
#include "hub/state.h"
#include "hub/status.h"

enum {
	ASK_TEXT_MAX = 65536, /* bytes of a question */
	ASK_LIST_MAX = 1000,  /* of what a list may have */
	ASK_TRIES = 4         /* to make an answer short enough */
};

/* A question of ours that is open. */
struct hub_ask {
	struct hub *hub;
	struct buffer text; /* the command */
	void (*answered_cb)(void *, struct json_object *, const char *);
	void *arg;
};

bool
hub_is_node(const struct hub *hub, struct text_span name)
{
	return name.len == 0 ||
	    (hub->store->node != NULL && text_equals(name, hub->store->node));
}

bool
hub_has_nodes(const struct hub *hub, const struct command *c)
{
	static const bool is_asked[COMMAND_KINDS] = {
		[COMMAND_STATUS] = true,
		[COMMAND_PRESENCE] = true,
		[COMMAND_CLOSE] = true,
		[COMMAND_STOP] = true,
	};

	if (!hub->store->is_shared || !is_asked[c->kind] || c->here)
		return false;
	return !c->has_stream || !hub_is_node(hub, c->node);
}

static void
ask_add_presence(struct hub *hub, const struct command *c,
    struct json_object *o)
{
	presence_add(hub, c->channels[0], (size_t)c->limit, o);
}

static void
ask_add_status(struct hub *hub, const struct command *c, struct json_object *o)
{
	nodes_add_self(hub, o);
	hub_status_lists(hub, c, o);
}

/* Ends what runs in a channel here, unless it is somebody else's. */
static void
ask_stop(struct hub *hub, const struct command *c, struct json_object *o)
{
	int stopped = hub_run_stop(hub, c->channels[0], c->user);

	json_add_number(o, "stopped", stopped > 0 ? 1 : 0);
	if (stopped == -1)
		json_add_flag(o, "denied", true);
}

/* Whether it does something, so that not all of it may be left out. */
static bool
ask_has_effect(enum command_kind kind)
{
	return kind == COMMAND_CLOSE || kind == COMMAND_STOP;
}

static void
ask_close(struct hub *hub, const struct command *c, uint64_t stop_ms,
    struct json_object *o)
{
	struct text_span user = { c->user, 0 };
	size_t closed = 0, i;

	for (i = 0; i < c->channel_count; i++)
		if (event_check_channel(c->channels[i].text,
			c->channels[i].len) == NULL)
			closed += close_channel(hub, c->channels[i], stop_ms);
	if (c->user != NULL) {
		user.len = strlen(c->user);
		closed += close_user(hub, user, stop_ms);
	}
	if (c->has_stream && hub_is_node(hub, c->node))
		closed += hub_close_stream(hub, c->stream);
	json_add_number(o, "closed", closed);
}

/* How many elements the longest of an answer's lists has, at least 1. */
static size_t
ask_longest(struct json_object *o)
{
	static const char *const lists[] = { "users", "list", "channel_list",
		"run_list" };
	size_t longest = 1, len, i;

	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		len = json_length(json_member(o, lists[i]));
		longest = len > longest ? len : longest;
	}
	return longest;
}

/*
 * What this node has to say, as long as it may be: lists that are too long are
 * made again with less in them.
 */
static void
ask_put_answer(struct hub *hub, struct command *c, uint64_t stop_ms,
    struct buffer *answer)
{
	struct json_object *o;
	size_t longest;
	int tries;

	if (c->limit == 0 || c->limit > ASK_LIST_MAX)
		c->limit = ASK_LIST_MAX;
	for (tries = 0; tries < ASK_TRIES; tries++) {
		o = json_object_new_object();
		if (c->kind == COMMAND_PRESENCE)
			ask_add_presence(hub, c, o);
		else if (c->kind == COMMAND_STATUS)
			ask_add_status(hub, c, o);
		else if (c->kind == COMMAND_CLOSE)
			ask_close(hub, c, stop_ms, o);
		else if (c->kind == COMMAND_STOP)
			ask_stop(hub, c, o);
		longest = ask_longest(o);
		json_append(answer, o);
		if (answer->len <= STORE_ANSWER_MAX)
			return;
		c->limit = longest * STORE_ANSWER_MAX / answer->len * 3 / 4;
		if (c->limit == 0)
			c->limit = 1;
		buffer_truncate(answer, 0);
	}
}

/* Reads a question; 0, or -1: it is none. */
static int
ask_read(struct command *c, struct text_span text)
{
	struct json_tokener *t = command_tokener();
	int rc = t == NULL ? -1 : command_parse(c, t, text.text, text.len);

	if (t == NULL)
		c->json = NULL;
	else
		json_tokener_free(t);
	return rc;
}

/*
 * Others' questions have half of the time of the loop at most: who asks more is
 * not answered.  What is to be done is done.
 */
void
ask_answer(struct hub *hub, struct text_span text, uint64_t stop_ms,
    struct buffer *answer)
{
	struct hub_nodes *n = &hub->nodes;
	uint64_t from_us = clock_monotonic_us();
	struct command c;

	hub_now(hub);
	if (wanted_hear(hub, text))
		return;
	if (ask_read(&c, text) == -1)
		;
	else if (!ask_has_effect(c.kind) && !pace_is_open(&n->pace, from_us))
		hub->counters.questions_refused++;
	else
		ask_put_answer(hub, &c, stop_ms, answer);
	command_clear(&c);
	pace_pay(&n->pace, from_us, clock_monotonic_us());
}

static void
ask_free(struct hub_ask *a)
{
	buffer_clear(&a->text);
	free(a);
}

/* The others cannot be asked: this node's answer, and theirs are missing. */
static struct json_object *
ask_alone(struct hub_ask *a, const struct command *c)
{
	struct hub *hub = a->hub;
	size_t count = hub->nodes.count, i, n = 1;
	struct store_answer *answers = calloc(count + 1, sizeof *answers);
	struct json_object *o = NULL;
	struct command own;
	struct buffer text = { 0 };

	if (answers == NULL ||
	    ask_read(&own, (struct text_span){ a->text.data, a->text.len }) ==
		-1)
		goto out;
	ask_put_answer(hub, &own, 0, &text);
	command_clear(&own);
	answers[0].node = hub->store->node;
	answers[0].text = (struct text_span){ text.data, text.len };
	for (i = 0; i < count; i++)
		if (strcmp(hub->nodes.known[i].name, hub->store->node) != 0)
			answers[n++].node = hub->nodes.known[i].name;
	for (i = 1; i < n; i++)
		answers[i].text.text = "";
	o = merge_answers(hub, c, answers, n);
out:
	free(answers);
	buffer_clear(&text);
	return o;
}

static void
ask_finish(struct hub_ask *a, const struct store_answer *answers, size_t count,
    const char *why)
{
	struct json_object *o = NULL;
	struct command c;

	hub_now(a->hub);
	if (ask_read(&c, (struct text_span){ a->text.data, a->text.len }) == -1)
		why = "out of memory";
	else if (why == NULL)
		o = merge_answers(a->hub, &c, answers, count);
	else if (!ask_has_effect(c.kind))
		o = ask_alone(a, &c);
	command_clear(&c);
	if (o == NULL && why == NULL)
		why = "out of memory";
	a->answered_cb(a->arg, o, o == NULL ? why : NULL);
	ask_free(a);
}

static void
ask_answered(void *arg, const struct store_answer *answers, size_t count,
    const char *why)
{
	ask_finish(arg, answers, count, why);
}

/* Who is stopped, for nodes that come later; returns how many. */
static size_t
ask_find_stops(const struct command *c, struct store_stop *stops)
{
	size_t i, n = 0;

	if (c->kind != COMMAND_CLOSE || !c->stop)
		return 0;
	for (i = 0; i < c->channel_count; i++)
		stops[n++] =
		    (struct store_stop){ STORE_STOP_CHANNEL, c->channels[i] };
	if (c->user != NULL)
		stops[n++] = (struct store_stop){ STORE_STOP_USER,
			{ c->user, strlen(c->user) } };
	return n;
}

void
hub_ask(struct hub *hub, const struct command *c,
    void (*answered_cb)(void *arg, struct json_object *answer, const char *why),
    void *arg)
{
	struct store_stop stops[CURSORS_MAX];
	struct store_question q = { .stops = stops,
		.stop_count = ask_find_stops(c, stops),
		.stop_ms = c->stop ? hub->config->stop_ms : 0,
		.answered = ask_answered };
	struct hub_ask *a = calloc(1, sizeof *a);
	const char *line = json_line(c->json), *why;

	if (a == NULL || line == NULL ||
	    buffer_append_text(&a->text, line) == -1) {
		free(a);
		answered_cb(arg, NULL, "out of memory");
		return;
	}
	a->hub = hub;
	a->answered_cb = answered_cb;
	a->arg = arg;
	q.arg = a;
	q.text = (struct text_span){ a->text.data, a->text.len };
	why = a->text.len > ASK_TEXT_MAX ? "too long for a question to nodes"
					 : hub->store->ops->ask(hub->store, &q);
	if (why != NULL)
		ask_finish(a, NULL, 0, why);
}
