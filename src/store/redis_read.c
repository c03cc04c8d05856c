/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Reads of what channels retain in the Redis.  A read asks for the runs of all
 * its channels at once, merges them, asks for more of those that are over, and
 * goes on until the answer is full, or all is in it.  Each channel's runs name
 * the one before, so what is trimmed meanwhile is noticed; no snapshot over the
 * channels is needed, for nothing comes behind the read's end.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/redis_part.h"

enum {
	REDIS_READ_BYTES = 1024 /* that are asked of a channel, at least */
};

/* A question about one of the channels. */
struct redis_question {
	struct redis_read *whole;
	size_t index;
};

struct redis_read {
	TAILQ_ENTRY(redis_read) link;
	struct store_redis *store;
	struct store_read *read; /* NULL: it was cancelled */
	struct redis_part *parts;
	struct redis_question *questions;
	size_t count;   /* of these */
	size_t missing; /* answers */
	bool is_own_found, is_cut_short;
	struct id own;
	const char *wrong; /* "": nothing was */
};

static void
redis_read_free(struct redis_read *whole)
{
	size_t i;

	TAILQ_REMOVE(&whole->store->reads.active, whole, link);
	for (i = 0; i < whole->count; i++)
		redis_part_clear(&whole->parts[i]);
	free(whole->parts);
	free(whole->questions);
	free(whole);
}

static struct redis_read *
redis_read_new(struct store_redis *s, struct store_read *read)
{
	struct redis_read *whole = calloc(1, sizeof *whole);
	size_t i;

	if (whole == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&s->reads.active, whole, link);
	whole->store = s;
	whole->read = read;
	whole->wrong = "";
	whole->parts = calloc(read->range_count, sizeof *whole->parts);
	whole->questions = calloc(read->range_count, sizeof *whole->questions);
	if (whole->parts == NULL || whole->questions == NULL) {
		redis_read_free(whole);
		return NULL;
	}
	whole->count = read->range_count;
	for (i = 0; i < whole->count; i++) {
		redis_part_begin(&whole->parts[i], s, read, &read->ranges[i]);
		whole->questions[i].whole = whole;
		whole->questions[i].index = i;
	}
	return whole;
}

/* What the parts say of the ranges; and the asker has its answer. */
static void
redis_read_finish(struct redis_read *whole)
{
	struct store_read *read = whole->read;
	struct store_range *range;
	size_t i;

	for (i = 0; i < whole->count; i++) {
		range = &read->ranges[i];
		range->floor = whole->parts[i].floor;
		if (id_cmp(whole->parts[i].begin, range->after) > 0)
			range->after = whole->parts[i].begin;
		range->is_counted = true;
	}
	read->own_found = whole->is_own_found;
	read->own = whole->own;
	whole->store->reads.count++;
	redis_read_free(whole);
	read->done(read);
}

static void
redis_read_fail(struct redis_read *whole, const char *why)
{
	struct store_read *read = whole->read;

	snprintf(read->error, sizeof read->error, "%s", why);
	redis_read_free(whole);
	read->done(read);
}

static void redis_read_ask(struct redis_read *, size_t index, bool with_text);
static void redis_read_merge(struct redis_read *);

/* An answer came: when the last has, it goes on. */
static void
redis_read_answered(struct redis_read *whole,
    void (*go_on)(struct redis_read *))
{
	if (--whole->missing > 0)
		return;
	if (whole->read == NULL)
		redis_read_free(whole);
	else if (whole->wrong[0] != '\0')
		redis_read_fail(whole, whole->wrong);
	else
		go_on(whole);
}

static bool
redis_read_is_unknown(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR &&
	    strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

/* Whether something may have been lost of which this node does not know. */
static bool
redis_read_is_overtaken(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
	    reply->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(reply->element[0]->str, "CHANGED") == 0;
}

static void
redis_read_runs_cb(void *arg, const redisReply *reply)
{
	struct redis_question *q = arg;
	struct redis_read *whole = q->whole;
	int rc;

	if (redis_refuses_all(whole->store, reply))
		return;
	/* A hello says what it is; then the read begins anew. */
	if (redis_read_is_overtaken(reply)) {
		redis_leave(whole->store, "what it had has changed");
		return;
	}
	if (whole->read != NULL && redis_read_is_unknown(reply)) {
		redis_read_ask(whole, q->index, true);
		return;
	}
	if (whole->read != NULL) {
		rc = redis_part_take(&whole->parts[q->index],
		    &whole->read->ranges[q->index], reply);
		if (rc == -1)
			whole->wrong = "its answer is none of crier's";
		whole->is_cut_short = whole->is_cut_short || rc == 1;
	}
	redis_read_answered(whole, redis_read_merge);
}

/* Asks for a channel's runs. */
static void
redis_read_ask(struct redis_read *whole, size_t index, bool with_text)
{
	struct store_redis *s = whole->store;
	const struct store_read *read = whole->read;
	const struct redis_part *p = &whole->parts[index];
	struct redis_command c;
	struct buffer list = { 0 };
	size_t most = read->room_bytes / whole->count;
	char state[REDIS_KEY_SIZE], floor[ID_TEXT_SIZE];

	if (redis_command_begin(&c, REDIS_COMMAND_SCRIPT + 10) == -1 ||
	    buffer_printf(&list, "{%s}:c:%s", s->url.prefix,
		read->ranges[index].name) == -1) {
		redis_command_clear(&c);
		redis_leave(s, "out of memory");
		return;
	}
	redis_key(s, "state", state);
	id_format(s->server.floor, floor);
	redis_command_add_script(&c, REDIS_SCRIPT_READ, with_text, 2);
	redis_command_add(&c, list.data, list.len);
	redis_command_add_text(&c, state);
	redis_command_add_id(&c, p->after);
	redis_command_add_id(&c, read->upto);
	redis_command_add_number(&c,
	    most < REDIS_READ_BYTES ? REDIS_READ_BYTES : most);
	if (read->has_last && !p->is_read)
		redis_command_add_number(&c, p->last);
	else
		redis_command_add_text(&c, "");
	redis_command_add_text(&c, s->server.run);
	redis_command_add_text(&c, floor);
	redis_send(s, s->talk, &c, redis_read_runs_cb,
	    &whole->questions[index]);
	redis_command_clear(&c);
	buffer_clear(&list);
}

/* Asks for the runs of those parts that want some; how many these are. */
static size_t
redis_read_ask_all(struct redis_read *whole)
{
	struct store_redis *s = whole->store;
	size_t wanting = 0, i, count = whole->count;

	for (i = 0; i < count; i++)
		wanting += redis_part_wants(&whole->parts[i]);
	whole->missing = wanting;
	/* Without a connection the read is not there any more. */
	for (i = 0; wanting > 0 && i < count && s->talk != NULL; i++)
		if (redis_part_wants(&whole->parts[i]))
			redis_read_ask(whole, i, false);
	return wanting;
}

static size_t
redis_read_oldest(const struct redis_read *whole)
{
	size_t oldest = whole->count, i;

	for (i = 0; i < whole->count; i++)
		if (whole->parts[i].has_event &&
		    (oldest == whole->count ||
			id_cmp(whole->parts[i].id, whole->parts[oldest].id) <
			    0))
			oldest = i;
	return oldest;
}

/* Puts an event into the answer; false: there is no room. */
static bool
redis_read_take(struct store_read *read, const struct store_range *range,
    const struct redis_part *p)
{
	static const char field[] = "id: ";
	char line[sizeof field + ID_TEXT_SIZE];
	struct text_span front = { line, 0 };
	struct text_span record = { p->event.record, p->event.record_len };

	if (p->event.own_id_len == 0) {
		memcpy(line, field, sizeof field);
		front.len = sizeof field - 1;
		front.len += id_format(p->id, line + front.len);
		memcpy(line + front.len++, "\n", sizeof "\n");
	}
	return store_read_take(read, range, p->id, front, record);
}

static bool
redis_read_has_all(const struct redis_read *whole)
{
	size_t i;

	for (i = 0; i < whole->count; i++)
		if (redis_part_wants(&whole->parts[i]))
			return false;
	return true;
}

/* Merges what is there, as long as every part has its next event there. */
static void
redis_read_merge(struct redis_read *whole)
{
	struct store_read *read = whole->read;
	size_t i;

	while (!whole->is_cut_short && redis_read_has_all(whole)) {
		if ((i = redis_read_oldest(whole)) == whole->count) {
			read->is_complete = true;
			break;
		}
		if (!redis_read_take(read, &read->ranges[i],
			&whole->parts[i])) {
			redis_read_finish(whole);
			return;
		}
		redis_part_next(&whole->parts[i], &read->ranges[i]);
	}
	/*
	 * What was trimmed meanwhile is behind what was merged: the next read
	 * begins there, and says so; unless nothing was merged.
	 */
	if (read->is_complete || (whole->is_cut_short && read->events > 0)) {
		redis_read_finish(whole);
		return;
	}
	whole->is_cut_short = false;
	redis_read_ask_all(whole);
}

/* Begins to read runs; they are those behind an own id, if it was found. */
static void
redis_read_begin(struct redis_read *whole)
{
	size_t i;

	if (whole->is_own_found && id_cmp(whole->own, whole->read->upto) > 0) {
		whole->read->is_ahead = true;
		redis_read_finish(whole);
		return;
	}
	for (i = 0; whole->is_own_found && i < whole->count; i++)
		whole->parts[i].after = whole->read->ranges[i].after =
		    whole->own;
	redis_read_ask_all(whole);
}

static void redis_read_ask_own(struct redis_read *, size_t, bool with_text);

/* Of each channel the newest event with this id, and of those the oldest. */
static void
redis_read_own_cb(void *arg, const redisReply *reply)
{
	struct redis_question *q = arg;
	struct redis_read *whole = q->whole;
	struct id id;

	if (redis_refuses_all(whole->store, reply))
		return;
	if (whole->read != NULL && redis_read_is_unknown(reply)) {
		redis_read_ask_own(whole, q->index, true);
		return;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		whole->wrong = "the store cannot look for an id";
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[0]->str != NULL && reply->element[1]->str != NULL) {
		id.ms = strtoull(reply->element[0]->str, NULL, 10);
		id.n = strtoull(reply->element[1]->str, NULL, 10);
		if (!whole->is_own_found || id_cmp(id, whole->own) < 0)
			whole->own = id;
		whole->is_own_found = true;
	}
	redis_read_answered(whole, redis_read_begin);
}

static void
redis_read_ask_own(struct redis_read *whole, size_t index, bool with_text)
{
	struct store_redis *s = whole->store;
	const struct store_read *read = whole->read;
	struct redis_command c;
	struct buffer list = { 0 };

	if (redis_command_begin(&c, REDIS_COMMAND_SCRIPT + 2) == -1 ||
	    buffer_printf(&list, "{%s}:c:%s", s->url.prefix,
		read->ranges[index].name) == -1) {
		redis_command_clear(&c);
		redis_leave(s, "out of memory");
		return;
	}
	redis_command_add_script(&c, REDIS_SCRIPT_OWN, with_text, 1);
	redis_command_add(&c, list.data, list.len);
	redis_command_add(&c, read->own_id, read->own_id_len);
	redis_send(s, s->talk, &c, redis_read_own_cb, &whole->questions[index]);
	redis_command_clear(&c);
	buffer_clear(&list);
}

/* Whether an id that this node has not come to was given at all. */
static void
redis_read_last_cb(void *arg, const redisReply *reply)
{
	struct redis_question *q = arg;
	struct redis_read *whole = q->whole;
	struct id last = { 0, 0 };
	size_t i;

	if (redis_refuses_all(whole->store, reply))
		return;
	if (reply->type == REDIS_REPLY_STRING)
		id_parse(reply->str, reply->len, &last);
	whole->missing = 0;
	if (whole->read == NULL) {
		redis_read_free(whole);
		return;
	}
	whole->read->is_ahead = true;
	for (i = 0; i < whole->count; i++)
		if (id_cmp(whole->parts[i].after, last) > 0)
			whole->read->is_ahead = false;
	redis_read_finish(whole);
}

static void
redis_read_ask_last(struct redis_read *whole)
{
	struct store_redis *s = whole->store;
	struct redis_command c;
	char state[REDIS_KEY_SIZE];

	if (redis_command_begin(&c, 3) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	whole->missing = 1;
	redis_key(s, "state", state);
	redis_command_add_text(&c, "HGET");
	redis_command_add_text(&c, state);
	redis_command_add_text(&c, "last");
	redis_send(s, s->talk, &c, redis_read_last_cb, &whole->questions[0]);
	redis_command_clear(&c);
}

static bool
redis_read_is_ahead(const struct store_read *read)
{
	size_t i;

	for (i = 0; i < read->range_count; i++)
		if (id_cmp(read->ranges[i].after, read->upto) > 0)
			return true;
	return false;
}

/*
 * Behind the last event that was read the log may have more: orders, and what a
 * restart said.  Whoever begins there is not ahead of this node.
 */
static void
redis_read_raise(const struct store_redis *s, struct store_read *read)
{
	if (id_cmp(read->upto, s->log.newest) >= 0 &&
	    id_cmp(read->upto, s->log.position) < 0)
		read->upto = s->log.position;
}

static void
redis_read_start(struct store_redis *s, struct store_read *read)
{
	struct redis_read *whole;
	size_t i, count;

	read->is_complete = read->is_ahead = false;
	read->bytes = read->wants = read->mark_count = read->events = 0;
	if (redis_read_is_ahead(read))
		redis_read_raise(s, read);
	if ((whole = redis_read_new(s, read)) == NULL) {
		snprintf(read->error, sizeof read->error, "out of memory");
		read->done(read);
	} else if (redis_read_is_ahead(read))
		redis_read_ask_last(whole);
	else if (read->own_id_len == 0)
		redis_read_begin(whole);
	else {
		count = whole->missing = whole->count;
		for (i = 0; i < count && s->talk != NULL; i++)
			redis_read_ask_own(whole, i, false);
	}
}

void
redis_reads_go_on(struct store_redis *s)
{
	struct store_read *read;

	while (s->state == REDIS_LIVE &&
	    (read = STAILQ_FIRST(&s->reads.waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->reads.waiting, link);
		redis_read_start(s, read);
	}
}

void
redis_reads_take(struct store_redis *s, struct store_read *read)
{
	read->began_us = clock_monotonic_us();
	STAILQ_INSERT_TAIL(&s->reads.waiting, read, link);
	if (s->state != REDIS_LIVE &&
	    !event_pending(s->patience, EV_TIMEOUT, NULL))
		loop_set_timer(s->patience, REDIS_PATIENCE_MS);
	redis_reads_go_on(s);
}

bool
redis_reads_cancel(struct store_redis *s, struct store_read *read)
{
	struct redis_read *whole;

	TAILQ_FOREACH(whole, &s->reads.active, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (whole->read == read) {
			whole->read = NULL;
			return true;
		}
	}
	STAILQ_REMOVE(&s->reads.waiting, read, store_read, link);
	return true;
}

void
redis_reads_stop(struct store_redis *s)
{
	struct redis_read *whole, *next;

	TAILQ_FOREACH_SAFE(whole, &s->reads.active, link, next) {
		if (whole->read != NULL)
			STAILQ_INSERT_HEAD(&s->reads.waiting, whole->read,
			    link);
		redis_read_free(whole);
	}
}

struct store_read *
redis_reads_first(const struct store_redis *s)
{
	struct store_read *first = STAILQ_FIRST(&s->reads.waiting), *read;

	/* What began anew stands before what is older. */
	STAILQ_FOREACH(read, &s->reads.waiting, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (read->began_us < first->began_us)
			first = read;
	}
	return first;
}

static void
redis_reads_refuse(struct store_redis *s, struct store_read *read,
    const char *why)
{
	STAILQ_REMOVE(&s->reads.waiting, read, store_read, link);
	snprintf(read->error, sizeof read->error, "the store is away: %.120s",
	    why);
	read->done(read);
}

void
redis_reads_give_up(struct store_redis *s, uint64_t before_us, const char *why)
{
	struct store_read *read;

	/* Who is told may leave, or ask again. */
	while ((read = redis_reads_first(s)) != NULL &&
	    read->began_us <= before_us)
		redis_reads_refuse(s, read, why);
}
