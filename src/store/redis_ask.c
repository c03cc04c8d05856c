/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Questions of one node to all, itself among them.  Each stands in the log, as
 * "ask NODE NUMBER STOP_MS TEXT", so every node meets it behind what was
 * published before.  redis_answer.c is how the answers come.
 *
 * What a node is to do is a question, too.  It is sent until it is known to be
 * on the log, and the Redis knows the number of the last, so it is there once:
 * who came back since a close is not sent away by another copy of it.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/text.h"
#include "store/redis.h"

enum {
	REDIS_ASKS_MAX = 64, /* that are open */
	REDIS_ASK_MS = 1000, /* to be on the log, and then for the answers */
	REDIS_ASK_NODES = 1024,
	REDIS_ASK_NUMBER_MS = 3600000, /* its number is remembered so long */
	REDIS_ASK_KEYS = 5,
	REDIS_ASK_WORDS = 7,
	REDIS_ASK_BYTES = 32 << 20 /* of answers to all that is open */
};

struct redis_ask_node {
	char name[REDIS_NODE_SIZE];
	bool is_there; /* it was when it was asked, and is waited for */
	bool has_answered;
	char *text;
	size_t len;
	uint64_t ms; /* that it took */
};

struct redis_ask {
	TAILQ_ENTRY(redis_ask) link;
	uint64_t number, asked_ms, due_ms;
	bool is_told; /* it is on the log, and who is there is known */
	struct redis_ask_node *nodes;
	size_t node_count;
	void (*answered)(void *, const struct store_answer *, size_t,
	    const char *);
	void *arg;
	uint64_t stop_ms;
	struct buffer text; /* the entry, and then who is stopped */
	size_t entry_len, stop_count;
	size_t stop_len[];
};

/* Where a node stands among the silent ones; their number: it does not. */
static size_t
redis_asks_find_silent(const struct redis_asks *all, const char *name,
    size_t len)
{
	size_t i;

	for (i = 0; i < all->silent_count; i++)
		if (strlen(all->silent[i]) == len &&
		    memcmp(all->silent[i], name, len) == 0)
			break;
	return i;
}

/* It did not answer in time: the next question is not held up by it. */
static void
redis_asks_note_silent(struct redis_asks *all, const char *name)
{
	size_t at = redis_asks_find_silent(all, name, strlen(name));

	if (at < all->silent_count || at == REDIS_SILENT_MAX)
		return;
	memcpy(all->silent[at], name, strlen(name) + 1);
	all->silent_count++;
}

static void
redis_asks_note_heard(struct redis_asks *all, const char *name, size_t len)
{
	size_t at = redis_asks_find_silent(all, name, len);

	if (at < all->silent_count)
		memmove(all->silent[at], all->silent[--all->silent_count],
		    REDIS_NODE_SIZE);
}

static void
redis_ask_free(struct redis_ask *a)
{
	size_t i;

	for (i = 0; i < a->node_count; i++)
		free(a->nodes[i].text);
	free(a->nodes);
	buffer_clear(&a->text);
	free(a);
}

/* Tells who asked, with all that was answered, or with why nothing was. */
static void
redis_ask_finish(struct store_redis *s, struct redis_ask *a, const char *why)
{
	struct redis_asks *all = &s->asks;
	struct store_answer *answers =
	    calloc(a->node_count + 1, sizeof *answers);
	struct redis_ask_node *node;
	size_t i, count = 0;

	TAILQ_REMOVE(&all->open, a, link);
	all->count--;
	if (answers == NULL && why == NULL)
		why = "out of memory";
	for (i = 0; i < a->node_count; i++) {
		node = &a->nodes[i];
		all->bytes -= node->len;
		if (why != NULL)
			continue;
		all->missing += node->len == 0;
		if (node->is_there && !node->has_answered)
			redis_asks_note_silent(all, node->name);
		answers[count++] = (struct store_answer){ node->name,
			{ node->text == NULL ? "" : node->text, node->len },
			node->ms };
	}
	a->answered(a->arg, answers, count, why);
	free(answers);
	redis_ask_free(a);
}

/* Sets the timer for what is due first. */
static void
redis_asks_wait(struct redis_asks *all)
{
	uint64_t now = clock_monotonic_ms(), first = UINT64_MAX;
	struct redis_ask *a;

	TAILQ_FOREACH(a, &all->open, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (a->due_ms < first)
			first = a->due_ms;
	if (first == UINT64_MAX)
		evtimer_del(all->timer);
	else
		loop_set_timer(all->timer, first > now ? first - now : 0);
}

static bool
redis_ask_is_answered(const struct redis_ask *a)
{
	size_t i;

	for (i = 0; i < a->node_count; i++)
		if (a->nodes[i].is_there && !a->nodes[i].has_answered)
			return false;
	return a->is_told;
}

static void
redis_asks_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store_redis *s = arg;
	struct redis_ask *a, *next;
	uint64_t now = clock_monotonic_ms();

	(void)fd;
	(void)what;
	TAILQ_FOREACH_SAFE(a, &s->asks.open, link, next)
		if (a->due_ms <= now || redis_ask_is_answered(a))
			redis_ask_finish(s, a,
			    a->is_told ? NULL : "the store does not answer");
	redis_asks_wait(&s->asks);
}

/* An answer may be the last one: this is looked at from the loop. */
static void
redis_asks_look(struct redis_asks *all)
{
	loop_set_timer(all->timer, 0);
}

int
redis_asks_init(struct store_redis *s)
{
	TAILQ_INIT(&s->asks.open);
	s->asks.timer = evtimer_new(s->base, redis_asks_timer_cb, s);
	return s->asks.timer == NULL ? -1 : 0;
}

void
redis_asks_clear(struct redis_asks *all)
{
	if (all->timer != NULL)
		event_free(all->timer);
}

void
redis_asks_give_up(struct store_redis *s, const char *why)
{
	struct redis_ask *a, *next;

	TAILQ_FOREACH_SAFE(a, &s->asks.open, link, next)
		redis_ask_finish(s, a, why);
}

/* A node's part of the answer, made if it is not there; NULL: no room. */
static struct redis_ask_node *
redis_ask_node(struct redis_ask *a, const char *name, size_t len)
{
	struct redis_ask_node *grown;
	size_t i;

	for (i = 0; i < a->node_count; i++)
		if (strlen(a->nodes[i].name) == len &&
		    memcmp(a->nodes[i].name, name, len) == 0)
			return &a->nodes[i];
	if (len == 0 || len >= REDIS_NODE_SIZE || i == REDIS_ASK_NODES)
		return NULL;
	grown = reallocarray(a->nodes, i + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	a->nodes = grown;
	memset(&grown[i], 0, sizeof grown[i]);
	memcpy(grown[i].name, name, len);
	a->node_count++;
	return &grown[i];
}

static struct redis_ask *
redis_asks_find(const struct redis_asks *all, uint64_t number)
{
	struct redis_ask *a;

	TAILQ_FOREACH(a, &all->open, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (a->number == number)
			return a;
	return NULL;
}

/* What a node said, once. */
void
redis_asks_note(struct store_redis *s, uint64_t number, struct text_span name,
    struct text_span text)
{
	struct redis_ask *a = redis_asks_find(&s->asks, number);
	struct redis_ask_node *node;

	redis_asks_note_heard(&s->asks, name.text, name.len);
	if (a == NULL ||
	    (node = redis_ask_node(a, name.text, name.len)) == NULL ||
	    node->has_answered)
		return;
	node->has_answered = true;
	node->ms = clock_monotonic_ms() - a->asked_ms;
	if (text.len > 0 && text.len <= STORE_ANSWER_MAX &&
	    text.len <= REDIS_ASK_BYTES - s->asks.bytes &&
	    (node->text = malloc(text.len + 1)) != NULL) {
		memcpy(node->text, text.text, text.len);
		node->len = text.len;
		s->asks.bytes += text.len;
	}
	redis_asks_look(&s->asks);
}

static bool
redis_asks_is_named(const redisReply *names, const char *name)
{
	const redisReply *one;
	size_t i;

	for (i = 1; i < names->elements; i++) {
		one = names->element[i];
		if (one->type == REDIS_REPLY_STRING &&
		    strcmp(one->str, name) == 0)
			return true;
	}
	return false;
}

/* Who is silent and not there any more makes room for others. */
static void
redis_asks_forget_gone(struct redis_asks *all, const redisReply *names)
{
	size_t i;

	for (i = all->silent_count; i-- > 0;)
		if (!redis_asks_is_named(names, all->silent[i]))
			redis_asks_note_heard(all, all->silent[i],
			    strlen(all->silent[i]));
}

/* It is on the log: these nodes are to answer. */
static void
redis_ask_told(struct store_redis *s, struct redis_ask *a,
    const redisReply *reply)
{
	struct redis_ask_node *node;
	size_t i;

	a->is_told = true;
	a->due_ms = clock_monotonic_ms() + REDIS_ASK_MS;
	redis_asks_forget_gone(&s->asks, reply);
	for (i = 1; i < reply->elements; i++)
		if (reply->element[i]->type == REDIS_REPLY_STRING &&
		    (node = redis_ask_node(a, reply->element[i]->str,
			 reply->element[i]->len)) != NULL)
			node->is_there =
			    redis_asks_find_silent(&s->asks, node->name,
				strlen(node->name)) == s->asks.silent_count;
	redis_asks_look(&s->asks);
}

static struct redis_ask *
redis_asks_first(const struct redis_asks *all)
{
	struct redis_ask *a;

	TAILQ_FOREACH(a, &all->open, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (!a->is_told)
			break;
	return a;
}

/* One that was sent may have been given up: then the next one is asked again.
 */
static void
redis_ask_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	struct redis_ask *a = redis_asks_first(&s->asks);
	const char *word = reply->type == REDIS_REPLY_ARRAY &&
		reply->elements > 0 && reply->element[0]->str != NULL
	    ? reply->element[0]->str
	    : "";
	char why[REDIS_LINK_WHY_SIZE + 32];

	if (redis_refuses_all(s, reply))
		return;
	if (strcmp(word, "RUN") == 0) {
		redis_leave(s, "it has lost what it had");
		return;
	}
	if (a != NULL && a->number == s->asks.sent) {
		if (strcmp(word, "OK") == 0)
			redis_ask_told(s, a, reply);
		else {
			redis_note_error(s, "Redis refuses a question",
			    reply->type == REDIS_REPLY_ERROR ? reply->str : "");
			snprintf(why, sizeof why, "the store refuses it: %.*s",
			    REDIS_LINK_WHY_SIZE, s->last_error);
			redis_ask_finish(s, a, why);
		}
	}
	s->asks.sent = 0;
	redis_asks_send(s);
}

/* The words of the call, of a command that has room for them. */
static void
redis_ask_put(const struct store_redis *s, const struct redis_ask *a,
    char keys[REDIS_ASK_KEYS][REDIS_KEY_SIZE], struct redis_command *c)
{
	char number[REDIS_NODE_SIZE + 2];
	const char *const names[REDIS_ASK_KEYS] = { "state", "log", "stops",
		"nodes", number };
	const char *stop = a->text.data + a->entry_len;
	size_t i;

	snprintf(number, sizeof number, "q:%s", s->node);
	redis_command_add_script(c, REDIS_SCRIPT_ASK, true, REDIS_ASK_KEYS);
	for (i = 0; i < REDIS_ASK_KEYS; i++) {
		redis_key(s, names[i], keys[i]);
		redis_command_add_text(c, keys[i]);
	}
	redis_command_add_text(c, s->server.run);
	redis_command_add(c, a->text.data, a->entry_len);
	redis_command_add_number(c, REDIS_GONE_MS);
	redis_command_add_number(c, a->stop_ms);
	redis_command_add_number(c, s->log.least.ms);
	redis_command_add_number(c, a->number);
	redis_command_add_number(c, REDIS_ASK_NUMBER_MS);
	for (i = 0; i < a->stop_count; i++) {
		redis_command_add(c, stop, a->stop_len[i]);
		stop += a->stop_len[i];
	}
}

void
redis_asks_send(struct store_redis *s)
{
	const struct redis_ask *a = redis_asks_first(&s->asks);
	char keys[REDIS_ASK_KEYS][REDIS_KEY_SIZE];
	struct redis_command c;

	if (a == NULL || s->state != REDIS_LIVE || s->asks.sent != 0)
		return;
	if (redis_command_begin(&c,
		REDIS_COMMAND_SCRIPT + REDIS_ASK_KEYS + REDIS_ASK_WORDS +
		    a->stop_count) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	redis_ask_put(s, a, keys, &c);
	s->asks.sent = a->number;
	redis_send(s, s->talk, &c, redis_ask_cb, s);
	redis_command_clear(&c);
}

/* The entry's text, and behind it who is stopped; 0, or -1 (memory). */
static int
redis_ask_write(const struct store_redis *s, struct redis_ask *a,
    const struct store_question *q)
{
	size_t i, before;

	if (buffer_printf(&a->text, "%s%s %" PRIu64 " %" PRIu64 " ",
		REDIS_ASK_WORD, s->node, a->number, q->stop_ms) == -1 ||
	    buffer_append(&a->text, q->text.text, q->text.len) == -1)
		return -1;
	a->entry_len = a->text.len;
	for (i = 0; i < q->stop_count; i++) {
		before = a->text.len;
		if (buffer_printf(&a->text, "%c:", (char)q->stops[i].kind) ==
			-1 ||
		    buffer_append(&a->text, q->stops[i].name.text,
			q->stops[i].name.len) == -1)
			return -1;
		a->stop_len[i] = a->text.len - before;
	}
	return 0;
}

const char *
redis_asks_take(struct store_redis *s, const struct store_question *q)
{
	struct redis_asks *all = &s->asks;
	struct redis_ask *a;

	if (s->store.is_down)
		return "the store is away, and other nodes cannot be told";
	if (all->count == REDIS_ASKS_MAX)
		return "too many questions to all nodes are open";
	a = calloc(1, sizeof *a + q->stop_count * sizeof a->stop_len[0]);
	if (a == NULL)
		return "out of memory";
	a->number = ++all->number;
	a->asked_ms = clock_monotonic_ms();
	a->due_ms = a->asked_ms + REDIS_ASK_MS;
	a->answered = q->answered;
	a->arg = q->arg;
	a->stop_ms = q->stop_ms;
	a->stop_count = q->stop_count;
	if (redis_ask_write(s, a, q) == -1) {
		redis_ask_free(a);
		return "out of memory";
	}
	TAILQ_INSERT_TAIL(&all->open, a, link);
	all->count++;
	all->asked++;
	redis_asks_wait(all);
	redis_asks_send(s);
	return NULL;
}
