/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a node says and asks every few seconds: that it is there, what it says
 * of itself, and who else is; what time it is at the Redis, and whether that is
 * one for a history still; and it deletes the keys that are not asked any more.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/loop.h"
#include "store/redis.h"

enum {
	REDIS_BEAT_MS = 5000,
	REDIS_BEAT_WORDS = 8,
	REDIS_BEAT_NODE_WORDS = 3, /* of the reply */
	REDIS_BEAT_GONE = -1,      /* in place of an age */
	REDIS_BEAT_INHERITED = -2
};

/* What was said of one node; false: it is no such thing. */
static bool
redis_beat_read(redisReply *const *e, struct store_node *node)
{
	if (e[0]->type != REDIS_REPLY_STRING ||
	    e[1]->type != REDIS_REPLY_INTEGER ||
	    e[2]->type != REDIS_REPLY_STRING)
		return false;
	node->name = e[0]->str;
	node->is_gone = e[1]->integer == REDIS_BEAT_GONE;
	node->age_ms = node->is_gone ? 0 : (uint64_t)e[1]->integer;
	node->said = (struct text_span){ e[2]->str, e[2]->len };
	return true;
}

/* A claim of a node that is gone, which is this one's now: told once. */
static void
redis_beat_inherit(struct store_redis *s, redisReply *const *e)
{
	struct text_span name = { e[2]->str, e[2]->len };

	if (e[0]->type == REDIS_REPLY_STRING &&
	    e[2]->type == REDIS_REPLY_STRING && s->store.hooks != NULL &&
	    !redis_claims_leaves(s, name))
		s->store.hooks->inherited(s->store.hub, name, e[0]->str);
}

static void
redis_beat_hear(struct store_redis *s, const redisReply *reply)
{
	size_t most = reply->elements / REDIS_BEAT_NODE_WORDS, count = 0, i;
	bool is_new = reply->element[0]->integer != 0;
	struct store_node *nodes = calloc(most + 1, sizeof *nodes);
	redisReply *const *e;

	s->nodes = 0;
	for (i = 0; nodes != NULL && i < most; i++) {
		e = reply->element + 1 + REDIS_BEAT_NODE_WORDS * i;
		if (e[1]->type == REDIS_REPLY_INTEGER &&
		    e[1]->integer == REDIS_BEAT_INHERITED)
			redis_beat_inherit(s, e);
		else if (redis_beat_read(e, &nodes[count]))
			s->nodes += !nodes[count++].is_gone;
	}
	if (nodes != NULL && s->store.hooks != NULL)
		s->store.hooks->heard(s->store.hub, nodes, count, is_new);
	free(nodes);
}

static void
redis_beat_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;

	if (redis_refuses_all(s, reply))
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_note_error(s, "Redis refuses a beat", reply->str);
	else if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_INTEGER &&
	    reply->elements % REDIS_BEAT_NODE_WORDS == 1)
		redis_beat_hear(s, reply);
}

/* That it was done is of no use; that it may not be done is. */
static void
redis_beat_said_cb(void *arg, const redisReply *reply)
{
	redis_refuses_all(arg, reply);
}

/* What it was may be another by now. */
static void
redis_beat_info_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	uint64_t evicted = s->server.evicted;
	char why[REDIS_LINK_WHY_SIZE];
	const char *wrong = redis_check_info(s, reply, why);

	/* What it has dropped may have been history: a hello tells all. */
	if (wrong == NULL && s->server.evicted > evicted)
		wrong = "it has evicted keys";
	if (wrong != NULL)
		redis_leave(s, wrong);
}

static void
redis_beat_fsync_cb(void *arg, const redisReply *reply)
{
	char why[REDIS_LINK_WHY_SIZE];
	const char *wrong = redis_check_fsync(reply, why);

	if (wrong != NULL)
		redis_leave(arg, wrong);
}

/* Whether it is one for a history still. */
static void
redis_beat_check(struct store_redis *s)
{
	if (redis_send_words(s, s->talk, redis_check_info_words, 1,
		redis_beat_info_cb) == 0 &&
	    s->durability == STORE_POWER)
		redis_send_words(s, s->talk, redis_check_fsync_words, 3,
		    redis_beat_fsync_cb);
}

/* That this node is there, and what it says of itself; -1: it has left. */
static int
redis_beat_say(struct store_redis *s, const char *nodes, const char *said)
{
	char claims[REDIS_KEY_SIZE];
	struct buffer text = { 0 };
	struct redis_command c;
	int rc;

	if (redis_command_begin(&c, REDIS_COMMAND_SCRIPT + REDIS_BEAT_WORDS) ==
	    -1) {
		redis_leave(s, "out of memory");
		return -1;
	}
	if (s->store.hooks != NULL)
		s->store.hooks->say(s->store.hub, &text);
	if (text.len > STORE_SAID_MAX)
		buffer_truncate(&text, 0);
	redis_command_add_script(&c, REDIS_SCRIPT_BEAT, true, 3);
	redis_key(s, "claims", claims);
	redis_command_add_text(&c, nodes);
	redis_command_add_text(&c, said);
	redis_command_add_text(&c, claims);
	redis_command_add_text(&c, s->node);
	redis_command_add(&c, text.len > 0 ? text.data : "", text.len);
	redis_command_add_number(&c, REDIS_GONE_MS);
	rc = redis_send(s, s->talk, &c, redis_beat_cb, s);
	redis_command_clear(&c);
	buffer_clear(&text);
	return rc;
}

void
redis_beat(struct store_redis *s)
{
	char nodes[REDIS_KEY_SIZE], said[REDIS_KEY_SIZE],
	    bucket[REDIS_KEY_SIZE];
	const char *const forget[] = { "UNLINK", bucket };

	if (s->state != REDIS_LIVE || s->is_leaving)
		return;
	redis_key(s, "nodes", nodes);
	redis_key(s, "said", said);
	redis_bucket_key(s, redis_clock_ms(s) / s->key_ms - 3, bucket);
	loop_set_timer(s->beat, REDIS_BEAT_MS);
	if (redis_beat_say(s, nodes, said) == 0 &&
	    redis_send_words(s, s->talk, forget,
		sizeof forget / sizeof forget[0], redis_beat_said_cb) == 0 &&
	    redis_ask_time(s) == 0)
		redis_beat_check(s);
}

void
redis_beat_stop(struct store_redis *s)
{
	void (*left)(void *) = s->left;

	s->left = NULL;
	if (left != NULL)
		left(s->left_arg);
}

static void
redis_beat_left_cb(void *arg, const redisReply *reply)
{
	(void)reply;
	redis_beat_stop(arg);
}

void
redis_beat_leave(struct store_redis *s, void (*left)(void *arg), void *arg)
{
	char nodes[REDIS_KEY_SIZE], said[REDIS_KEY_SIZE];
	const char *const remove[] = { "ZREM", nodes, s->node };
	const char *const forget[] = { "HDEL", said, s->node };

	s->is_leaving = true;
	s->left = left;
	s->left_arg = arg;
	if (s->state != REDIS_LIVE) {
		redis_beat_stop(s);
		return;
	}
	redis_key(s, "nodes", nodes);
	redis_key(s, "said", said);
	if (redis_send_words(s, s->talk, remove,
		sizeof remove / sizeof remove[0], redis_beat_said_cb) == 0)
		redis_send_words(s, s->talk, forget,
		    sizeof forget / sizeof forget[0], redis_beat_left_cb);
}
