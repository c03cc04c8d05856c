/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Events with ids of their publisher's own, as a history finds them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/history_run.h"
#include "protocol/event.h"

static void
test_add_own(struct history *h, uint64_t ms, const char *own)
{
	struct history_note note = { .id = { ms, 0 },
		.own_id_len = strlen(own) };
	struct event_fields e = {
		.data = "x", .data_len = 1, .retry_ms = EVENT_RETRY_NONE
	};
	struct buffer b = { 0 };

	assert_int_equal(event_encode(&b, &e, own, note.own_id_len), 0);
	assert_int_equal(history_prepare(h, b.len), 0);
	history_append(h, &note, b.data, b.len);
	buffer_clear(&b);
}

static void
test_own(void **state)
{
	struct history h;
	struct id id;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	test_add_own(&h, 1, "first");
	test_add_own(&h, 2, "twice");
	history_run_add(&h, 3, 20, 't');
	test_add_own(&h, 4, "twice");
	test_add_own(&h, 5, "5-0");
	assert_int_equal(h.own_ids, 4);
	assert_true(history_find_own(&h, "first", 5, &id));
	assert_int_equal(id.ms, 1);
	/* The newest of two. */
	assert_true(history_find_own(&h, "twice", 5, &id));
	assert_int_equal(id.ms, 4);
	assert_true(history_find_own(&h, "5-0", 3, &id));
	assert_int_equal(id.ms, 5);
	/* All of it, and nothing more. */
	assert_false(history_find_own(&h, "twic", 4, &id));
	assert_false(history_find_own(&h, "twice\n", 6, &id));
	assert_false(history_find_own(&h, "", 0, &id));
	assert_false(history_find_own(&h, "ttttt", 5, &id));
	/* One that was dropped is not found. */
	history_run_trim(&h, 4, UINT64_MAX, 0);
	assert_false(history_find_own(&h, "first", 5, &id));
	assert_int_equal(h.own_ids, 3);
	history_run_trim(&h, 1, UINT64_MAX, 0);
	assert_false(history_find_own(&h, "twice", 5, &id));
	history_run_trim(&h, 0, 0, 0);
	assert_int_equal(h.own_ids, 0);
	history_clear(&h);
}

/* How many entries a look-up of any own id may have to compare. */
static size_t
test_longest_chain(const struct history *h)
{
	uint64_t slot, seq;
	size_t longest = 0, len;

	for (slot = h->first_seq; slot < h->next_seq; slot++) {
		seq = history_at(h, slot)->own_head;
		for (len = 0; seq >= h->first_seq; len++) {
			if (seq == history_at(h, seq)->own_older)
				break;
			seq = history_at(h, seq)->own_older;
		}
		longest = len > longest ? len : longest;
	}
	return longest;
}

/* However many events have ids of their own, few are compared. */
static void
test_own_many(void **state)
{
	enum {
		MANY = 3000,
		KEPT = 1000,
		CHAIN_MAX = 12
	};
	struct history h;
	struct id id;
	char own[16];
	uint64_t n;
	size_t len;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (n = 1; n <= MANY; n++) {
		snprintf(own, sizeof own, "own-%llu", (unsigned long long)n);
		test_add_own(&h, n, own);
		history_run_trim(&h, KEPT, UINT64_MAX, 0);
	}
	assert_in_range(test_longest_chain(&h), 2, CHAIN_MAX);
	/* While the ring grows, wraps and, at last, shrinks. */
	for (; history_count(&h) > 0;
	     history_run_trim(&h, history_count(&h) / 2, UINT64_MAX, 0)) {
		for (n = 1; n <= MANY; n++) {
			len = (size_t)snprintf(own, sizeof own, "own-%llu",
			    (unsigned long long)n);
			if (history_find_own(&h, own, len, &id) !=
			    (n > MANY - history_count(&h)))
				fail_msg("%s of %zu", own, history_count(&h));
		}
	}
	history_clear(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_own_many),
	};

	return cmocka_run_group_tests_name("own ids in a history", tests, NULL,
	    NULL);
}
