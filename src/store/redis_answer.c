/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Questions of nodes that this one reads in the log, and answers.  An answer
 * goes to a stream of the asking node's own, which that reads beside the log;
 * what it has read it deletes.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/redis.h"

enum {
	REDIS_ASK_WORD_LEN = sizeof REDIS_ASK_WORD - 1,
	REDIS_ASK_KEPT_MS = 10000, /* answers that nobody reads */
	REDIS_ASK_ANSWERS = 4096,  /* that wait for one node */
};

void
redis_asks_key(const struct store_redis *s, const char *node,
    char to[REDIS_KEY_SIZE])
{
	char name[REDIS_NODE_SIZE + 2];

	snprintf(name, sizeof name, "a:%s", node);
	redis_key(s, name, to);
}

/* Nobody needs to know what it answers. */
static void
redis_asks_said_cb(void *arg, const redisReply *reply)
{
	redis_refuses_all(arg, reply);
}

/* Sends another node what this one has to say. */
static void
redis_asks_answer(struct store_redis *s, const char *node, uint64_t number,
    struct text_span text)
{
	static const char *const front[] = { "MAXLEN", "~" };
	char key[REDIS_KEY_SIZE];
	struct redis_command add, expire;

	redis_asks_key(s, node, key);
	if (redis_command_begin(&add, 11) == -1)
		return;
	if (redis_command_begin(&expire, 3) == -1) {
		redis_command_clear(&add);
		return;
	}
	redis_command_add_text(&add, "XADD");
	redis_command_add_text(&add, key);
	redis_command_add_text(&add, front[0]);
	redis_command_add_text(&add, front[1]);
	redis_command_add_number(&add, REDIS_ASK_ANSWERS);
	redis_command_add_text(&add, "*");
	redis_command_add_text(&add, "n");
	redis_command_add_number(&add, number);
	redis_command_add_text(&add, s->node);
	redis_command_add(&add, text.len > 0 ? text.text : "", text.len);
	redis_command_add_text(&expire, "PEXPIRE");
	redis_command_add_text(&expire, key);
	redis_command_add_number(&expire, REDIS_ASK_KEPT_MS);
	if (redis_send(s, s->talk, &add, redis_asks_said_cb, s) == 0)
		redis_send(s, s->talk, &expire, redis_asks_said_cb, s);
	redis_command_clear(&add);
	redis_command_clear(&expire);
}

/* The next word, up to a space: false, if there is none. */
static bool
redis_ask_word_next(struct text_span *text, struct text_span *word)
{
	const char *space = memchr(text->text, ' ', text->len);

	if (space == NULL)
		return false;
	word->text = text->text;
	word->len = (size_t)(space - text->text);
	text->len -= word->len + 1;
	text->text = space + 1;
	return true;
}

/* Whether somebody may still wait for the answer to what was just read. */
static bool
redis_ask_is_fresh(const struct store_redis *s)
{
	return s->log.position.ms + REDIS_ASK_KEPT_MS > redis_clock_ms(s);
}

/* What is left of a while that began with what was just read. */
static uint64_t
redis_ask_rest(const struct store_redis *s, uint64_t ms)
{
	uint64_t now = redis_clock_ms(s), end = s->log.position.ms + ms;

	if (now <= s->log.position.ms)
		return ms;
	return end > now ? end - now : 0;
}

void
redis_asks_came(struct store_redis *s, const char *text, size_t len)
{
	struct text_span rest = { text, len }, node, number_text, stop;
	struct buffer answer = { 0 };
	char name[REDIS_NODE_SIZE];
	uint64_t number, stop_ms;

	if (len < REDIS_ASK_WORD_LEN ||
	    memcmp(text, REDIS_ASK_WORD, REDIS_ASK_WORD_LEN) != 0)
		return;
	rest.text += REDIS_ASK_WORD_LEN;
	rest.len -= REDIS_ASK_WORD_LEN;
	if (!redis_ask_word_next(&rest, &node) ||
	    !redis_ask_word_next(&rest, &number_text) ||
	    !redis_ask_word_next(&rest, &stop) || node.len == 0 ||
	    node.len >= sizeof name ||
	    !text_parse_number(number_text.text, number_text.len, UINT64_MAX,
		&number) ||
	    !text_parse_number(stop.text, stop.len, UINT64_MAX / 4, &stop_ms) ||
	    s->store.hooks == NULL)
		return;
	memcpy(name, node.text, node.len);
	name[node.len] = '\0';
	s->store.hooks->asked(s->store.hub, rest, redis_ask_rest(s, stop_ms),
	    &answer);
	if (strcmp(name, s->node) == 0)
		redis_asks_note(s, number, node,
		    (struct text_span){ answer.data, answer.len });
	else if (s->state == REDIS_LIVE && redis_ask_is_fresh(s)) {
		redis_asks_answer(s, name, number,
		    (struct text_span){ answer.data, answer.len });
		s->asks.answered++;
	}
	buffer_clear(&answer);
}

/* An answer: {id, {"n", number, node, text}}. */
static void
redis_asks_take_answer(struct store_redis *s, const redisReply *fields)
{
	uint64_t number;
	size_t i;

	if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 4)
		return;
	for (i = 0; i < 4; i++)
		if (fields->element[i]->type != REDIS_REPLY_STRING)
			return;
	if (text_parse_number(fields->element[1]->str, fields->element[1]->len,
		UINT64_MAX, &number))
		redis_asks_note(s, number,
		    (struct text_span){
			fields->element[2]->str, fields->element[2]->len },
		    (struct text_span){
			fields->element[3]->str, fields->element[3]->len });
}

int
redis_asks_read(struct store_redis *s, const redisReply *entries)
{
	struct redis_command c;
	char key[REDIS_KEY_SIZE];
	const redisReply *entry;
	size_t i;
	int rc;

	if (redis_command_begin(&c, entries->elements + 2) == -1) {
		redis_leave(s, "out of memory");
		return -1;
	}
	redis_asks_key(s, s->node, key);
	redis_command_add_text(&c, "XDEL");
	redis_command_add_text(&c, key);
	for (i = 0; i < entries->elements; i++) {
		entry = entries->element[i];
		if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
		    entry->element[0]->type != REDIS_REPLY_STRING)
			continue;
		redis_command_add(&c, entry->element[0]->str,
		    entry->element[0]->len);
		redis_asks_take_answer(s, entry->element[1]);
	}
	rc = c.words.count == 2
	    ? 0
	    : redis_send(s, s->tail, &c, redis_asks_said_cb, s);
	redis_command_clear(&c);
	return rc;
}
