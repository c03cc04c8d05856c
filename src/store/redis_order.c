/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What one node has done and all others are to do: it stands in the log, as
 * "NODE KIND MS NAME" behind a word, so each node meets it behind what was
 * published before.  To do it twice does no harm, so it is sent until it is
 * answered.  Who is stopped for a while is told to nodes that come later, too.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/redis.h"

enum {
	REDIS_ORDERS_MAX = 1000, /* that wait for an answer */
	REDIS_ORDER_WORDS = 4
};

struct redis_order {
	STAILQ_ENTRY(redis_order) link;
	enum store_order_kind kind;
	uint64_t stop_ms;
	size_t text_len, member; /* where its last part begins, a stop's name */
	char text[];
};

static const char redis_order_word[] = "close ";

enum {
	REDIS_ORDER_WORD_LEN = sizeof redis_order_word - 1
};

void
redis_orders_init(struct redis_orders *all)
{
	STAILQ_INIT(&all->waiting);
}

void
redis_orders_clear(struct redis_orders *all)
{
	struct redis_order *o;

	while ((o = STAILQ_FIRST(&all->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&all->waiting, link);
		free(o);
	}
}

static void
redis_order_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	struct redis_orders *all = &s->orders;
	struct redis_order *o = STAILQ_FIRST(&all->waiting);

	all->is_asked = false;
	if (redis_refuses_all(s, reply))
		return;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	    reply->element[0]->str != NULL &&
	    strcmp(reply->element[0]->str, "RUN") == 0) {
		redis_leave(s, "it has lost what it had");
		return;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		redis_note_error(s, "Redis refuses an order", reply->str);
	STAILQ_REMOVE_HEAD(&all->waiting, link);
	all->count--;
	free(o);
	redis_orders_send(s);
}

void
redis_orders_send(struct store_redis *s)
{
	const struct redis_order *o = STAILQ_FIRST(&s->orders.waiting);
	char state[REDIS_KEY_SIZE], log[REDIS_KEY_SIZE], stops[REDIS_KEY_SIZE];
	struct redis_command c;
	size_t member;

	if (o == NULL || s->state != REDIS_LIVE || s->orders.is_asked)
		return;
	if (redis_command_begin(&c,
		REDIS_COMMAND_SCRIPT + 3 + REDIS_ORDER_WORDS) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	member = o->stop_ms > 0 ? o->text_len - o->member : 0;
	redis_key(s, "state", state);
	redis_key(s, "log", log);
	redis_key(s, "stops", stops);
	redis_command_add_script(&c, REDIS_SCRIPT_ORDER, true, 3);
	redis_command_add_text(&c, state);
	redis_command_add_text(&c, log);
	redis_command_add_text(&c, stops);
	redis_command_add_text(&c, s->server.run);
	redis_command_add(&c, o->text, o->member);
	redis_command_add(&c, o->text + o->member, member);
	redis_command_add_number(&c, o->stop_ms);
	s->orders.is_asked = true;
	redis_send(s, s->talk, &c, redis_order_cb, s);
	redis_command_clear(&c);
}

int
redis_orders_take(struct store_redis *s, const struct store_order *order)
{
	struct redis_order *o;
	char front[REDIS_ORDER_WORD_LEN + REDIS_NODE_SIZE + 32];
	size_t len;

	if (s->store.is_down || s->orders.count == REDIS_ORDERS_MAX)
		return -1;
	len = (size_t)snprintf(front, sizeof front, "%s%s %c %" PRIu64 " ",
	    redis_order_word, s->node, (char)order->kind, order->stop_ms);
	o = malloc(sizeof *o + len + 2 * order->name_len + 2);
	if (o == NULL)
		return -1;
	o->kind = order->kind;
	o->stop_ms = order->stop_ms;
	memcpy(o->text, front, len);
	memcpy(o->text + len, order->name, order->name_len);
	o->member = len + order->name_len;
	o->text[o->member] = (char)order->kind;
	o->text[o->member + 1] = ':';
	memcpy(o->text + o->member + 2, order->name, order->name_len);
	o->text_len = o->member + 2 + order->name_len;
	STAILQ_INSERT_TAIL(&s->orders.waiting, o, link);
	s->orders.count++;
	redis_orders_send(s);
	return 0;
}

static bool
redis_order_read_kind(char letter, struct store_order *o)
{
	o->kind = (enum store_order_kind)letter;
	return letter == STORE_CLOSE_CHANNEL || letter == STORE_CLOSE_USER;
}

/* The next word, up to a space: false, if there is none. */
static bool
redis_order_word_next(const char **text, size_t *len, struct text_span *word)
{
	const char *space = memchr(*text, ' ', *len);

	if (space == NULL)
		return false;
	word->text = *text;
	word->len = (size_t)(space - *text);
	*len -= word->len + 1;
	*text = space + 1;
	return true;
}

void
redis_orders_came(struct store_redis *s, const char *text, size_t len)
{
	struct store_order o = { 0 };
	struct text_span node, kind, stop;

	if (len < REDIS_ORDER_WORD_LEN ||
	    memcmp(text, redis_order_word, REDIS_ORDER_WORD_LEN) != 0)
		return;
	text += REDIS_ORDER_WORD_LEN;
	len -= REDIS_ORDER_WORD_LEN;
	if (!redis_order_word_next(&text, &len, &node) ||
	    !redis_order_word_next(&text, &len, &kind) ||
	    !redis_order_word_next(&text, &len, &stop) || kind.len != 1 ||
	    !redis_order_read_kind(kind.text[0], &o) ||
	    !text_parse_number(stop.text, stop.len, UINT64_MAX / 4,
		&o.stop_ms) ||
	    text_equals(node, s->node) || s->store.hooks == NULL)
		return;
	o.name = text;
	o.name_len = len;
	s->store.hooks->told(s->store.hub, &o);
}

/* Who is stopped, and until when by the Redis' clock. */
static void
redis_orders_stops_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	const redisReply *name, *score;
	struct store_order o;
	double now = (double)redis_clock_ms(s), until;
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY)
		return;
	for (i = 0; i + 1 < reply->elements; i += 2) {
		name = reply->element[i];
		score = reply->element[i + 1];
		if (name->type != REDIS_REPLY_STRING || name->len < 3 ||
		    score->type != REDIS_REPLY_STRING ||
		    !redis_order_read_kind(name->str[0], &o))
			continue;
		until = strtod(score->str, NULL);
		if (!(until > now && until < now + 1e15) ||
		    s->store.hooks == NULL)
			continue;
		o.stop_ms = (uint64_t)(until - now);
		o.name = name->str + 2;
		o.name_len = name->len - 2;
		s->store.hooks->told(s->store.hub, &o);
	}
}

void
redis_orders_ask_stops(struct store_redis *s)
{
	static const char *const words[] = { "+inf", "WITHSCORES", "LIMIT", "0",
		"10000" };
	char stops[REDIS_KEY_SIZE];
	struct redis_command c;
	size_t i;

	if (s->state != REDIS_LIVE)
		return;
	if (redis_command_begin(&c, 8) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	redis_key(s, "stops", stops);
	redis_command_add_text(&c, "ZRANGEBYSCORE");
	redis_command_add_text(&c, stops);
	redis_command_add_number(&c, redis_clock_ms(s));
	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		redis_command_add_text(&c, words[i]);
	redis_send(s, s->talk, &c, redis_orders_stops_cb, s);
	redis_command_clear(&c);
}
