/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The way to the server: two connections to the same one, which both say who it
 * is, and a hello, which says what of our position still holds.  Whatever goes
 * wrong ends both, so that what one server says is never written to another.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/text.h"
#include "store/redis.h"
#include "store/redis_info.h"

enum {
	REDIS_GREET_MARGIN_MS = 10000, /* longer than any replica lags */
	REDIS_GREET_RETRY_MS = 50,     /* the first wait; it doubles */
	REDIS_GREET_RETRY_MAX_MS = 2000
};

void
redis_key(const struct store_redis *s, const char *name,
    char to[REDIS_KEY_SIZE])
{
	snprintf(to, REDIS_KEY_SIZE, "{%s}:%s", s->url.prefix, name);
}

void
redis_bucket_key(const struct store_redis *s, uint64_t bucket,
    char to[REDIS_KEY_SIZE])
{
	char name[64];

	snprintf(name, sizeof name, "k:%llu:%llu",
	    (unsigned long long)s->key_ms, (unsigned long long)bucket);
	redis_key(s, name, to);
}

uint64_t
redis_clock_ms(const struct store_redis *s)
{
	return (uint64_t)((int64_t)clock_monotonic_ms() + s->server.clock_ms);
}

void
redis_note_error(struct store_redis *s, const char *what, const char *why)
{
	char text[sizeof s->last_error];

	s->errors++;
	snprintf(text, sizeof text, "%s: %s", what, why);
	if (strcmp(text, s->last_error) == 0)
		return;
	memcpy(s->last_error, text, sizeof text);
	log_error("store: %s", text);
}

int
redis_send(struct store_redis *s, struct redis_link *link,
    const struct redis_command *c, redis_link_cb *cb, void *arg)
{
	if (redis_link_send(link, &c->words, cb, arg) == 0)
		return 0;
	redis_leave(s, "out of memory");
	return -1;
}

void
redis_leave(struct store_redis *s, const char *why)
{
	uint64_t wait_ms = REDIS_GREET_RETRY_MS;

	redis_link_free(s->talk);
	redis_link_free(s->tail);
	s->talk = s->tail = NULL;
	if (s->server.is_proved)
		s->server.down_ms = clock_monotonic_ms();
	s->store.is_down = true;
	s->server.is_proved = false;
	s->state = REDIS_DOWN;
	if (strcmp(why, s->server.why) != 0)
		log_error("store: Redis is away: %s", why);
	snprintf(s->server.why, sizeof s->server.why, "%s", why);
	wait_ms <<= s->server.tries < 6 ? s->server.tries : 6;
	s->server.tries++;
	if (wait_ms > REDIS_GREET_RETRY_MAX_MS)
		wait_ms = REDIS_GREET_RETRY_MAX_MS;
	loop_set_timer(s->retry, wait_ms / 2 + loop_random(wait_ms));
	s->went(s);
}

void
redis_prove(struct store_redis *s)
{
	if (s->server.is_proved)
		return;
	log_info("store: Redis is there, node %s", s->node);
	s->server.is_proved = true;
	s->server.tries = 0;
	s->server.why[0] = '\0';
}

/* Words with which a server says that it is not there for anybody. */
static const char *const redis_greet_away[] = { "READONLY", "LOADING",
	"MASTERDOWN", "UNBLOCKED", "NOAUTH", "WRONGPASS", "NOPERM", "MOVED",
	"ASK", "CLUSTERDOWN", "DENIED" };

bool
redis_refuses_all(struct store_redis *s, const redisReply *reply)
{
	const char *word;
	size_t i, len;

	if (reply->type != REDIS_REPLY_ERROR)
		return false;
	for (i = 0; i < sizeof redis_greet_away / sizeof *redis_greet_away;
	     i++) {
		word = redis_greet_away[i];
		len = strlen(word);
		if (strncmp(reply->str, word, len) == 0 &&
		    (reply->str[len] == ' ' || reply->str[len] == '\0')) {
			redis_leave(s, reply->str);
			return true;
		}
	}
	return false;
}

/* "FROM:TO " of each cut. */
static void
redis_greet_read_cuts(struct store_redis *s, const char *text)
{
	const char *colon, *space;
	struct redis_cut *c;

	s->cut_count = 0;
	while (s->cut_count < REDIS_CUTS &&
	    (colon = strchr(text, ':')) != NULL &&
	    (space = strchr(colon, ' ')) != NULL) {
		c = &s->cuts[s->cut_count];
		if (!id_parse(text, (size_t)(colon - text), &c->from) ||
		    !id_parse(colon + 1, (size_t)(space - colon - 1), &c->to))
			break;
		s->cut_count++;
		text = space + 1;
	}
}

static bool
redis_greet_read(const redisReply *reply, struct redis_hello *a)
{
	redisReply *const *e = reply->element;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6 ||
	    e[0]->type != REDIS_REPLY_STRING ||
	    e[1]->type != REDIS_REPLY_STRING ||
	    e[2]->type != REDIS_REPLY_INTEGER ||
	    e[3]->type != REDIS_REPLY_INTEGER ||
	    e[4]->type != REDIS_REPLY_STRING ||
	    e[5]->type != REDIS_REPLY_STRING)
		return false;
	a->is_lost = e[2]->integer != 0;
	a->is_away = e[3]->integer != 0;
	a->cuts = e[4]->str;
	return id_parse(e[0]->str, e[0]->len, &a->floor) &&
	    id_parse(e[1]->str, e[1]->len, &a->last) &&
	    id_parse(e[5]->str, e[5]->len, &a->aged);
}

static void
redis_greet_hello_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	struct redis_hello a;

	if (reply->type == REDIS_REPLY_ERROR) {
		redis_leave(s, reply->str);
		return;
	}
	if (!redis_greet_read(reply, &a)) {
		redis_leave(s, "its answer is none of crier's");
		return;
	}
	redis_greet_read_cuts(s, a.cuts);
	s->server.floor = a.floor;
	if (id_cmp(a.floor, s->floor) > 0)
		s->floor = a.floor;
	s->aged = a.aged;
	s->server.comings += s->store.is_down;
	s->store.is_down = false;
	s->state = REDIS_LIVE;
	if (id_cmp(a.last, s->store.last) > 0)
		s->store.last = a.last;
	event_active(s->beat, 0, 0);
	s->came(s, &a);
}

static void
redis_greet_hello(struct store_redis *s)
{
	struct redis_command c;
	char state[REDIS_KEY_SIZE], log[REDIS_KEY_SIZE], nodes[REDIS_KEY_SIZE];

	s->state = REDIS_HELLO;
	if (redis_command_begin(&c, REDIS_COMMAND_SCRIPT + 11) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	redis_key(s, "state", state);
	redis_key(s, "log", log);
	redis_key(s, "nodes", nodes);
	redis_command_add_script(&c, REDIS_SCRIPT_HELLO, true, 3);
	redis_command_add_text(&c, state);
	redis_command_add_text(&c, log);
	redis_command_add_text(&c, nodes);
	redis_command_add_text(&c, s->server.run);
	redis_command_add_id(&c, s->log.position);
	redis_command_add(&c, s->log.header, s->log.header_len);
	redis_command_add_text(&c, s->node);
	redis_command_add_number(&c, REDIS_GREET_MARGIN_MS);
	redis_command_add_number(&c, s->server.evicted);
	redis_command_add_number(&c, s->ages);
	redis_send(s, s->talk, &c, redis_greet_hello_cb, s);
	redis_command_clear(&c);
}

void
redis_greet_again(struct store_redis *s)
{
	s->log.is_broken = true;
	redis_greet_hello(s);
}

static void
redis_greet_fsync_cb(void *arg, const redisReply *reply)
{
	char why[REDIS_LINK_WHY_SIZE];
	const char *wrong = redis_check_fsync(reply, why);

	if (wrong != NULL)
		redis_leave(arg, wrong);
	else
		redis_greet_hello(arg);
}

/* Who the server is, as one of the connections says; both must say the same. */
static void
redis_greet_info(struct store_redis *s, const redisReply *reply, bool is_tail)
{
	char why[REDIS_LINK_WHY_SIZE], run[sizeof s->server.run];
	const char *wrong = redis_check_info(s, reply, why);

	if (wrong != NULL) {
		redis_leave(s, wrong);
		return;
	}
	redis_info_find(reply->str, "run_id", run, sizeof run);
	if (s->server.is_known[!is_tail] && strcmp(run, s->server.run) != 0) {
		redis_leave(s, "two connections lead to two servers");
		return;
	}
	memcpy(s->server.run, run, sizeof run);
	s->server.is_known[is_tail] = true;
	if (!s->server.is_known[!is_tail])
		return;
	if (s->durability == STORE_POWER)
		redis_send_words(s, s->talk, redis_check_fsync_words, 3,
		    redis_greet_fsync_cb);
	else
		redis_greet_hello(s);
}

static void
redis_greet_talk_info_cb(void *arg, const redisReply *reply)
{
	redis_greet_info(arg, reply, false);
}

static void
redis_greet_tail_info_cb(void *arg, const redisReply *reply)
{
	redis_greet_info(arg, reply, true);
}

static void
redis_greet_time_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	int64_t ms;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING) {
		redis_leave(s,
		    reply->type == REDIS_REPLY_ERROR ? reply->str
						     : "it has no TIME");
		return;
	}
	ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
	    strtoll(reply->element[1]->str, NULL, 10) / 1000;
	s->server.clock_ms = ms - (int64_t)clock_monotonic_ms();
}

int
redis_send_words(struct store_redis *s, struct redis_link *link,
    const char *const *words, size_t count, redis_link_cb *cb)
{
	struct redis_command c;
	size_t i;
	int rc;

	if (redis_command_begin(&c, count) == -1) {
		redis_leave(s, "out of memory");
		return -1;
	}
	for (i = 0; i < count; i++)
		redis_command_add_text(&c, words[i]);
	rc = redis_send(s, link, &c, cb, s);
	redis_command_clear(&c);
	return rc;
}

int
redis_ask_time(struct store_redis *s)
{
	static const char *const time[] = { "TIME" };

	return redis_send_words(s, s->talk, time, 1, redis_greet_time_cb);
}

static void
redis_greet_talk_up_cb(void *arg)
{
	struct store_redis *s = arg;

	if (redis_ask_time(s) == 0)
		redis_send_words(s, s->talk, redis_check_info_words, 1,
		    redis_greet_talk_info_cb);
}

static void
redis_greet_tail_up_cb(void *arg)
{
	struct store_redis *s = arg;

	redis_send_words(s, s->tail, redis_check_info_words, 1,
	    redis_greet_tail_info_cb);
}

static void
redis_greet_down_cb(void *arg, const char *why)
{
	redis_leave(arg, why);
}

void
redis_greet_elsewhere(struct store_redis *s)
{
	if (s->state != REDIS_DOWN) {
		if (!redis_sentinels_deny(s->sentinels, &s->master))
			return;
		redis_leave(s, "the sentinels name another master");
	}
	s->server.tries = 0;
	loop_set_timer(s->retry, 0);
}

void
redis_greet(struct store_redis *s)
{
	struct redis_link_owner talk = { .up = redis_greet_talk_up_cb,
		.down = redis_greet_down_cb,
		.arg = s };
	struct redis_link_owner tail = { .up = redis_greet_tail_up_cb,
		.down = redis_greet_down_cb,
		.arg = s };
	char why[REDIS_LINK_WHY_SIZE];

	if (s->sentinels != NULL &&
	    redis_sentinels_choose(s->sentinels, s->server.tries, &s->master,
		why) == -1) {
		redis_leave(s, why);
		return;
	}
	s->state = REDIS_COMING;
	s->server.is_known[0] = s->server.is_known[1] = false;
	s->talk = redis_link_new(s->base, &s->peer.link, &talk);
	s->tail = redis_link_new(s->base, &s->peer.link, &tail);
	if (s->talk == NULL || s->tail == NULL)
		redis_leave(s, "out of memory");
}
