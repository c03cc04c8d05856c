/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Who was stopped for a while before this node came: others learned of it in
 * the log, with the question that did so.
 */

#include <stdlib.h>

#include "store/redis.h"

static bool
redis_stop_read(const redisReply *name, struct store_stop *stop)
{
	if (name->type != REDIS_REPLY_STRING || name->len < 3 ||
	    (name->str[0] != STORE_STOP_CHANNEL &&
		name->str[0] != STORE_STOP_USER))
		return false;
	stop->kind = (enum store_stop_kind)name->str[0];
	stop->name.text = name->str + 2;
	stop->name.len = name->len - 2;
	return true;
}

/* Who is stopped, and until when by the Redis' clock. */
static void
redis_asks_stops_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	const redisReply *score;
	struct store_stop stop;
	double now = (double)redis_clock_ms(s), until;
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY || s->store.hooks == NULL)
		return;
	for (i = 0; i + 1 < reply->elements; i += 2) {
		score = reply->element[i + 1];
		if (score->type != REDIS_REPLY_STRING ||
		    !redis_stop_read(reply->element[i], &stop))
			continue;
		until = strtod(score->str, NULL);
		if (until > now && until < now + 1e15)
			s->store.hooks->stopped(s->store.hub, &stop,
			    (uint64_t)(until - now));
	}
}

void
redis_asks_stops(struct store_redis *s)
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
	redis_send(s, s->talk, &c, redis_asks_stops_cb, s);
	redis_command_clear(&c);
}
