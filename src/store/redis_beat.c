/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a node says and asks every few seconds: that it is there, how many are,
 * what time it is at the Redis; and it deletes the keys that are not asked any
 * more.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/loop.h"
#include "store/redis.h"

enum {
	REDIS_BEAT_MS = 5000,
	REDIS_BEAT_GONE_MS = 15000, /* a node that did not say so for so long */
	REDIS_BEAT_WORDS = 4
};

static void
redis_beat_count_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;

	if (reply->type == REDIS_REPLY_INTEGER)
		s->nodes = (uint64_t)reply->integer;
}

/* What it answers is of no use. */
static void
redis_beat_said_cb(void *arg, const redisReply *reply)
{
	(void)arg;
	(void)reply;
}

/* A command of a word, a key, and so on; -1: it has left. */
static int
redis_beat_send(struct store_redis *s, const char *const *words, size_t count,
    redis_link_cb *cb)
{
	struct redis_command c;
	size_t i;
	int rc;

	if (redis_command_begin(&c, REDIS_BEAT_WORDS) == -1) {
		redis_leave(s, "out of memory");
		return -1;
	}
	for (i = 0; i < count; i++)
		redis_command_add_text(&c, words[i]);
	rc = redis_send(s, s->talk, &c, cb, s);
	redis_command_clear(&c);
	return rc;
}

void
redis_beat(struct store_redis *s)
{
	char nodes[REDIS_KEY_SIZE], bucket[REDIS_KEY_SIZE];
	char now[24], gone[24];
	uint64_t now_ms = redis_clock_ms(s);
	const char *const add[] = { "ZADD", nodes, now, s->node };
	const char *const trim[] = { "ZREMRANGEBYSCORE", nodes, "-inf", gone };
	const char *const count[] = { "ZCOUNT", nodes, "-inf", "+inf" };
	const char *const forget[] = { "UNLINK", bucket };

	if (s->state != REDIS_LIVE)
		return;
	redis_key(s, "nodes", nodes);
	redis_bucket_key(s, now_ms / s->key_ms - 3, bucket);
	snprintf(now, sizeof now, "%llu", (unsigned long long)now_ms);
	snprintf(gone, sizeof gone, "(%llu",
	    (unsigned long long)(now_ms - REDIS_BEAT_GONE_MS));
	loop_set_timer(s->beat, REDIS_BEAT_MS);
	if (redis_beat_send(s, add, 4, redis_beat_said_cb) == 0 &&
	    redis_beat_send(s, trim, 4, redis_beat_said_cb) == 0 &&
	    redis_beat_send(s, count, 4, redis_beat_count_cb) == 0)
		if (redis_beat_send(s, forget, 2, redis_beat_said_cb) == 0)
			redis_ask_time(s);
}
