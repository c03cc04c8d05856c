/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A history against an array that keeps everything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hub/history.h"
#include "lib/support.h"
#include "protocol/event.h"

enum {
	TEST_EVENTS = 4000,
	TEST_STEPS = 6000
};

struct test_event {
	struct id id;
	uint64_t added_ms, expires_ms;
	char *record;
	size_t len, own_len;
};

static const uint64_t test_key[2] = { 1, 2 };
static struct history_shared test_shared = { .key = test_key };

static struct test_model {
	struct history history;
	struct test_event events[TEST_EVENTS];
	size_t first, count; /* retained: [first, count) */
	struct id floor;
	uint64_t now_ms, seed;
} test_model;

static uint32_t
test_random(uint32_t below)
{
	return support_random(&test_model.seed, below);
}

static void
test_append(struct test_model *m)
{
	struct test_event *e = &m->events[m->count];
	struct event_fields fields = { .retry_ms = EVENT_RETRY_NONE };
	struct history_note note;
	char data[3000], own[8] = "";
	struct buffer b = { 0 };
	size_t i;

	fields.data_len =
	    test_random(20) == 0 ? test_random(sizeof data) : test_random(60);
	for (i = 0; i < fields.data_len; i++)
		data[i] = (char)('a' + (m->count + i) % 26);
	fields.data = data;
	m->now_ms += test_random(3);
	e->id = id_next(m->count == 0 ? m->floor : m->events[m->count - 1].id,
	    m->now_ms);
	e->added_ms = m->now_ms;
	e->expires_ms =
	    test_random(6) == 0 ? m->now_ms + 1 + test_random(30) : 0;
	e->own_len = 0;
	if (test_random(5) == 0)
		e->own_len =
		    (size_t)snprintf(own, sizeof own, "o%u", test_random(40));
	assert_int_equal(event_encode(&b, &fields, e->own_len ? own : "1-0",
			     e->own_len ? e->own_len : 3),
	    0);
	note.id = e->id;
	note.added_ms = e->added_ms;
	note.expires_ms = e->expires_ms;
	note.own_id_len = e->own_len;
	assert_int_equal(history_prepare(&m->history, b.len), 0);
	if (test_random(8) == 0)
		assert_int_equal(history_prepare(&m->history, b.len), 0);
	history_append(&m->history, &note, b.data, b.len);
	e->record = b.base;
	e->len = b.len;
	m->count++;
}

static void
test_trim(struct test_model *m)
{
	struct history_limits limits = { UINT64_MAX, UINT64_MAX, 0 };
	size_t i, bytes = 0;

	switch (test_random(12)) {
	case 0:
		limits.count = test_random(5);
		break;
	case 1:
		limits.bytes = test_random(20000);
		break;
	case 2:
		limits.oldest_ms = m->now_ms - test_random(50);
		break;
	default:
		limits.count = 20 + test_random(500);
		break;
	}
	for (i = m->first; i < m->count; i++)
		bytes += m->events[i].len;
	while (m->first < m->count &&
	    (m->count - m->first > limits.count || bytes > limits.bytes ||
		m->events[m->first].added_ms < limits.oldest_ms)) {
		bytes -= m->events[m->first].len;
		m->floor = m->events[m->first++].id;
	}
	history_trim(&m->history, &limits);
	assert_int_equal(m->history.bytes, bytes);
}

static void
test_check(const struct test_model *m)
{
	const struct history *h = &m->history;
	const struct history_entry *e;
	size_t i, expiring = 0, own = 0;

	assert_int_equal(h->first_seq, m->first);
	assert_int_equal(h->next_seq, m->count);
	if (m->first > 0)
		assert_int_equal(id_cmp(h->floor, m->floor), 0);
	for (i = m->first; i < m->count; i++) {
		e = history_at(h, i);
		assert_int_equal(id_cmp(e->id, m->events[i].id), 0);
		assert_int_equal(e->len, m->events[i].len);
		assert_memory_equal(e->block->data + e->off,
		    m->events[i].record, e->len);
		expiring += m->events[i].expires_ms != 0;
		own += m->events[i].own_len != 0;
	}
	assert_int_equal(h->expiring, expiring);
	assert_int_equal(h->own_ids, own);
}

static void
test_check_after(const struct test_model *m)
{
	struct id id;
	size_t want = m->first;

	if (m->count == 0)
		return;
	id = m->events[test_random((uint32_t)m->count)].id;
	if (test_random(2))
		id.n++;
	while (want < m->count && id_cmp(m->events[want].id, id) <= 0)
		want++;
	assert_int_equal(history_after(&m->history, id), want);
}

static void
test_check_own(const struct test_model *m)
{
	char own[8];
	size_t len = (size_t)snprintf(own, sizeof own, "o%u", test_random(40));
	size_t i = m->count;
	struct id id;
	bool found = history_find_own(&m->history, own, len, &id);

	while (i > m->first) {
		i--;
		if (m->events[i].own_len == len &&
		    memcmp(m->events[i].record + 4, own, len) == 0) {
			assert_true(found);
			assert_int_equal(id_cmp(id, m->events[i].id), 0);
			return;
		}
	}
	assert_false(found);
}

/* A reader from anywhere gets each event that is neither expired nor behind
 * the limit, whole and once. */
static void
test_check_slices(const struct test_model *m)
{
	uint64_t seq =
	    m->first + test_random((uint32_t)(m->count - m->first) + 1);
	uint64_t now_ms = m->now_ms + test_random(20);
	struct id limit = { m->now_ms - test_random(40), test_random(3) };
	const struct id *to = test_random(2) ? &limit : NULL;
	struct history_slice s;
	const struct test_event *e;
	size_t i = (size_t)seq, off;

	while (history_slice(&m->history, &seq, now_ms, to, &s)) {
		assert_true(s.next_seq > seq && s.next_seq <= m->count);
		assert_int_equal(s.events, s.next_seq - seq);
		for (; i < seq; i++)
			assert_true(m->events[i].expires_ms != 0 &&
			    m->events[i].expires_ms <= now_ms);
		for (off = s.off; i < s.next_seq; i++, off += e->len) {
			e = &m->events[i];
			assert_true(e->expires_ms == 0 ||
			    e->expires_ms > now_ms);
			assert_true(to == NULL || id_cmp(e->id, *to) < 0);
			assert_memory_equal(s.block->data + off, e->record,
			    e->len);
		}
		assert_int_equal(off, s.off + s.len);
		assert_int_equal(id_cmp(s.last, m->events[s.next_seq - 1].id),
		    0);
		seq = s.next_seq;
	}
	for (; i < m->count; i++) {
		e = &m->events[i];
		assert_true((e->expires_ms != 0 && e->expires_ms <= now_ms) ||
		    (to != NULL && id_cmp(e->id, *to) >= 0));
		if (to != NULL && id_cmp(e->id, *to) >= 0)
			break;
	}
}

static void
test_run(uint64_t seed)
{
	struct test_model *m = &test_model;
	struct block *held = NULL;
	const struct history_entry *e;
	size_t step, i, held_event = 0, held_off = 0;

	memset(m, 0, sizeof *m);
	m->seed = seed;
	m->now_ms = 1000;
	m->floor.ms = 999;
	history_init(&m->history, m->floor, &test_shared);
	for (step = 0; step < TEST_STEPS && m->count < TEST_EVENTS; step++) {
		if (test_random(10) < 7)
			test_append(m);
		else if (test_random(3) == 0)
			test_trim(m);
		test_check_after(m);
		test_check_own(m);
		test_check_slices(m);
		if (step % 50 == 0)
			test_check(m);
		/* As a stream that stands in the middle of a block. */
		if (step % 97 == 0 && m->count > m->first) {
			if (held != NULL)
				assert_memory_equal(held->data + held_off,
				    m->events[held_event].record,
				    m->events[held_event].len);
			block_unref(held);
			held_event = m->first;
			e = history_at(&m->history, held_event);
			held_off = e->off;
			held = block_ref(e->block);
		}
	}
	test_check(m);
	history_clear(&m->history);
	assert_null(m->history.ring);
	assert_null(m->history.spare);
	block_unref(held);
	for (i = 0; i < m->count; i++)
		free(m->events[i].record);
}

static void
test_random_operations(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 8; seed++)
		test_run(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
	};

	return cmocka_run_group_tests_name("history model", tests, NULL, NULL);
}
