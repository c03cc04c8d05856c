/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "store/redis_part.h"

enum {
	REDIS_PART_FRONT = 4 /* of an answer, before its headers and runs */
};

static void
redis_part_raise(struct redis_part *p, struct id floor)
{
	if (id_cmp(floor, p->read->upto) > 0)
		floor = p->read->upto;
	if (id_cmp(floor, p->floor) > 0)
		p->floor = floor;
}

/* The cut that the id is in, or NULL. */
static const struct redis_cut *
redis_part_cut(const struct redis_part *p, struct id id)
{
	const struct redis_cut *c = p->store->cuts;
	const struct redis_cut *end = c + p->store->cut_count;

	for (; c < end; c++)
		if (id_cmp(id, c->from) > 0 && id_cmp(id, c->to) < 0)
			return c;
	return NULL;
}

/* What is older was kept long enough. */
static struct id
redis_part_oldest(const struct redis_part *p, const struct store_range *range)
{
	uint64_t now = redis_clock_ms(p->store);
	struct id oldest = { 0, 0 };

	if (range->keep_ms > 0 && now > range->keep_ms)
		oldest.ms = now - range->keep_ms;
	return oldest;
}

void
redis_part_begin(struct redis_part *p, const struct store_redis *store,
    const struct store_read *read, const struct store_range *range)
{
	const struct redis_cut *cut;

	memset(p, 0, sizeof *p);
	p->store = store;
	p->read = read;
	p->after = range->after;
	p->last = read->last;
	redis_part_raise(p, store->floor);
	if ((cut = redis_part_cut(p, range->after)) != NULL)
		redis_part_raise(p, cut->to);
}

void
redis_part_clear(struct redis_part *p)
{
	buffer_clear(&p->runs);
}

static bool
redis_part_is_answer(const redisReply *reply)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements < REDIS_PART_FRONT || reply->elements % 2 != 0)
		return false;
	for (i = 0; i < REDIS_PART_FRONT - 1; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	for (; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

/* Takes the headers and runs; 0, or -1. */
static int
redis_part_take_runs(struct redis_part *p, const redisReply *reply)
{
	const redisReply *header, *run;
	size_t i;

	buffer_truncate(&p->runs, 0);
	p->at = 0;
	p->run_left = 0;
	for (i = REDIS_PART_FRONT; i + 1 < reply->elements; i += 2) {
		header = reply->element[i];
		run = reply->element[i + 1];
		if (header->len != REDIS_LIST_HEADER_BYTES ||
		    buffer_append(&p->runs, header->str, header->len) == -1 ||
		    buffer_append(&p->runs, &run->len, sizeof run->len) == -1 ||
		    buffer_append(&p->runs, run->str, run->len) == -1)
			return -1;
	}
	return 0;
}

/* What the list says of events that went: an id, or false. */
static bool
redis_part_before(const redisReply *reply, struct id *before)
{
	const redisReply *text = reply->element[3];

	if (text->len != 12)
		return false;
	*before = redis_id_read(text->str);
	return true;
}

/* Goes into the next run: false, if there is none. */
static bool
redis_part_next_run(struct redis_part *p)
{
	const char *run;
	struct redis_event e;
	size_t left, len;
	uint64_t count = 0;

	if (p->at >= p->runs.len)
		return false;
	redis_list_header_read(p->runs.data + p->at, REDIS_LIST_HEADER_BYTES,
	    &p->header);
	p->at += REDIS_LIST_HEADER_BYTES;
	memcpy(&len, p->runs.data + p->at, sizeof len);
	p->run = p->runs.data + p->at + sizeof len;
	p->run_left = len;
	p->at += sizeof len + len;
	run = p->run;
	left = len;
	while (redis_run_next(&run, &left, &e))
		count++;
	/* The run's last event has the number of events that is in its header.
	 */
	p->rank = p->events + count + 1 > p->header.events
	    ? p->events + count + 1 - p->header.events
	    : 1;
	return true;
}

static bool
redis_part_has_expired(const struct redis_part *p)
{
	return p->event.expires_ms > 0 &&
	    p->event.expires_ms <= redis_clock_ms(p->store);
}

/*
 * Whether so many of the last events have expired that more must be asked:
 * then p->last is greater.  What is longer than an answer is not counted.
 */
static bool
redis_part_lacks(struct redis_part *p)
{
	struct redis_part scan = *p;
	uint64_t there = 0;

	if (p->has_more || p->last >= p->events)
		return false;
	while (redis_part_next_run(&scan))
		while (redis_run_next(&scan.run, &scan.run_left, &scan.event))
			there += --scan.rank <= p->last &&
			    !redis_part_has_expired(&scan);
	if (there >= p->read->last)
		return false;
	p->last += p->read->last - there;
	p->is_read = false;
	buffer_truncate(&p->runs, 0);
	return true;
}

/* What is asked are the last events: it begins with the first run's. */
static void
redis_part_begin_last(struct redis_part *p)
{
	struct redis_list_header h;

	redis_list_header_read(p->runs.data, REDIS_LIST_HEADER_BYTES, &h);
	p->begin = h.before;
}

int
redis_part_take(struct redis_part *p, const struct store_range *range,
    const redisReply *reply)
{
	bool was_read = p->is_read;
	struct id before;

	p->is_read = !was_read;
	p->has_more = false;
	if (reply->type == REDIS_REPLY_NIL) {
		redis_part_raise(p, redis_part_oldest(p, range));
		redis_part_raise(p, p->store->aged);
		return was_read ? 1 : 0;
	}
	if (!redis_part_is_answer(reply))
		return -1;
	if (redis_part_before(reply, &before) && id_cmp(before, p->after) > 0) {
		redis_part_raise(p, before);
		if (was_read)
			return 1;
	}
	p->is_read = true;
	if (!was_read) {
		p->events = (uint64_t)reply->element[0]->integer;
		p->bytes = (uint64_t)reply->element[1]->integer;
	}
	p->has_more = reply->element[2]->integer != 0 &&
	    reply->elements > REDIS_PART_FRONT;
	if (redis_part_take_runs(p, reply) == -1)
		return -1;
	if (!was_read && p->read->has_last && p->runs.len > 0) {
		if (redis_part_lacks(p))
			return 0;
		redis_part_begin_last(p);
	}
	redis_part_next(p, range);
	return 0;
}

/* Whether more is behind the event than the channel keeps. */
static bool
redis_part_is_too_far(const struct redis_part *p,
    const struct store_range *range)
{
	uint64_t behind = p->run_left + REDIS_EVENT_BYTES + p->event.record_len;

	if (p->bytes > p->header.bytes)
		behind += p->bytes - p->header.bytes;
	return p->rank > 1 &&
	    ((range->keep > 0 && p->rank > range->keep) ||
		(range->keep_bytes > 0 && behind > range->keep_bytes));
}

/* Whether the event may be sent; what is before it, or it, may be gone. */
static bool
redis_part_allows(struct redis_part *p, const struct store_range *range)
{
	if (id_cmp(p->id, p->after) <= 0)
		return false;
	if (id_cmp(p->id, p->read->upto) > 0)
		return false;
	if (redis_part_cut(p, p->id) != NULL)
		return false;
	if (redis_part_is_too_far(p, range) ||
	    id_cmp(p->id, redis_part_oldest(p, range)) < 0) {
		redis_part_raise(p, p->id);
		return false;
	}
	if (p->read->has_last && p->rank > p->last) {
		p->begin = p->id;
		return false;
	}
	return !redis_part_has_expired(p);
}

void
redis_part_next(struct redis_part *p, const struct store_range *range)
{
	p->has_event = false;
	for (;;) {
		while (redis_run_next(&p->run, &p->run_left, &p->event)) {
			p->id = p->header.first;
			p->id.n += p->event.offset;
			p->rank--;
			if (redis_part_allows(p, range)) {
				p->has_event = true;
				return;
			}
		}
		if (!redis_part_next_run(p))
			break;
	}
	if (p->is_read && p->runs.len > 0 &&
	    id_cmp(p->header.last, p->after) > 0)
		p->after = p->header.last;
}

bool
redis_part_wants(const struct redis_part *p)
{
	return !p->has_event && (p->has_more || !p->is_read);
}
