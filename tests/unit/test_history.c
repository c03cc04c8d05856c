/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/history_run.h"

/* All that comes now is in one block, as far as there is room. */
static void
test_init(struct history *h)
{
	history_init(h, (struct id){ 0, 0 }, &history_run_shared);
	assert_int_equal(history_prepare(h, 512), 0);
}

static void
test_add_expiring(struct history *h, uint64_t ms, uint64_t expires_ms)
{
	struct history_note note = { .id = { ms, 0 },
		.expires_ms = expires_ms };

	assert_int_equal(history_prepare(h, 10), 0);
	history_append(h, &note, "0123456789", 10);
}

static void
test_assert_range(const struct history *h, uint64_t first, uint64_t next)
{
	assert_int_equal(h->first_seq, first);
	assert_int_equal(h->next_seq, next);
	assert_int_equal(history_count(h), next - first);
}

static void
test_empty(void **state)
{
	struct history h;
	struct history_slice slice;
	struct id id = { 9, 9 };
	uint64_t seq = 0;

	(void)state;
	history_init(&h, (struct id){ 5, 6 }, &history_run_shared);
	assert_int_equal(history_count(&h), 0);
	assert_int_equal(h.memory, 0);
	assert_int_equal(id_cmp(h.floor, (struct id){ 5, 6 }), 0);
	assert_int_equal(history_after(&h, id), 0);
	assert_false(history_find_own(&h, "x", 1, &id));
	assert_false(history_slice(&h, &seq, 0, NULL, &slice));
	history_run_trim(&h, 0, 0, UINT64_MAX);
	assert_int_equal(id_cmp(h.floor, (struct id){ 5, 6 }), 0);
	history_clear(&h);
}

static void
test_trim_count(void **state)
{
	struct history h;
	uint64_t i;

	(void)state;
	history_init(&h, (struct id){ 1, 0 }, &history_run_shared);
	for (i = 0; i < 10; i++)
		history_run_add(&h, 10 + i, 10, 'a');
	history_run_trim(&h, 11, UINT64_MAX, 0);
	test_assert_range(&h, 0, 10);
	assert_int_equal(h.floor.ms, 1);
	history_run_trim(&h, 10, UINT64_MAX, 0);
	test_assert_range(&h, 0, 10);
	history_run_trim(&h, 9, UINT64_MAX, 0);
	test_assert_range(&h, 1, 10);
	assert_int_equal(h.floor.ms, 10);
	assert_int_equal(history_at(&h, 1)->id.ms, 11);
	history_run_trim(&h, 1, UINT64_MAX, 0);
	test_assert_range(&h, 9, 10);
	history_run_trim(&h, 0, UINT64_MAX, 0);
	test_assert_range(&h, 10, 10);
	assert_int_equal(h.floor.ms, 19);
	assert_int_equal(h.memory, 0);
	assert_null(h.ring);
	/* The numbers go on. */
	history_run_add(&h, 30, 10, 'a');
	test_assert_range(&h, 10, 11);
	assert_int_equal(history_at(&h, 10)->id.ms, 30);
	history_clear(&h);
}

static void
test_trim_bytes(void **state)
{
	struct history h;
	uint64_t i;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < 4; i++)
		history_run_add(&h, i + 1, 100, 'a');
	assert_int_equal(h.bytes, 400);
	history_run_trim(&h, UINT64_MAX, 401, 0);
	history_run_trim(&h, UINT64_MAX, 400, 0);
	test_assert_range(&h, 0, 4);
	history_run_trim(&h, UINT64_MAX, 399, 0);
	test_assert_range(&h, 1, 4);
	assert_int_equal(h.bytes, 300);
	history_run_trim(&h, UINT64_MAX, 100, 0);
	test_assert_range(&h, 3, 4);
	/* One event larger than all that may be kept is not kept. */
	history_run_add(&h, 9, 1000, 'b');
	history_run_trim(&h, UINT64_MAX, 999, 0);
	test_assert_range(&h, 5, 5);
	assert_int_equal(h.bytes, 0);
	assert_int_equal(h.floor.ms, 9);
	history_clear(&h);
}

static void
test_trim_age(void **state)
{
	struct history h;
	uint64_t i;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < 5; i++)
		history_run_add(&h, 1000 * (i + 1), 10, 'a');
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 0);
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 999);
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 1000);
	test_assert_range(&h, 0, 5);
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 1001);
	test_assert_range(&h, 1, 5);
	assert_int_equal(h.floor.ms, 1000);
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 5000);
	test_assert_range(&h, 4, 5);
	history_run_trim(&h, UINT64_MAX, UINT64_MAX, 5001);
	test_assert_range(&h, 5, 5);
	history_clear(&h);
}

static void
test_after(void **state)
{
	static const struct {
		struct id id;
		uint64_t want;
	} cases[] = {
		{ { 0, 0 }, 2 }, /* older than all that is retained */
		{ { 10, 0 }, 2 },
		{ { 19, UINT64_MAX }, 2 },
		{ { 20, 0 }, 3 },
		{ { 20, 1 }, 3 },
		{ { 25, 0 }, 3 },
		{ { 29, 9 }, 3 },
		{ { 30, 0 }, 4 },
		{ { 39, 0 }, 4 },
		{ { 40, 0 }, 5 },
		{ { 40, 1 }, 5 },
		{ { UINT64_MAX, UINT64_MAX }, 5 },
	};
	struct history h;
	size_t i;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < 5; i++)
		history_run_add(&h, 10 * i, 10, 'a');
	history_run_trim(&h, 3, UINT64_MAX, 0);
	test_assert_range(&h, 2, 5);
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		if (history_after(&h, cases[i].id) != cases[i].want)
			fail_msg("case %zu", i);
	history_clear(&h);
}

/* Reads on from seq; what was read is checked by the caller. */
static struct history_slice
test_next(const struct history *h, uint64_t *seq, uint64_t now_ms,
    const struct id *limit)
{
	struct history_slice slice;

	assert_true(history_slice(h, seq, now_ms, limit, &slice));
	assert_true(slice.next_seq > *seq);
	assert_int_equal(slice.events, slice.next_seq - *seq);
	assert_int_equal(id_cmp(slice.last,
			     history_at(h, slice.next_seq - 1)->id),
	    0);
	assert_true(slice.off + slice.len <= slice.block->used);
	*seq = slice.next_seq;
	return slice;
}

/* Runs end where a block does, and all of them are everything. */
static void
test_slices(void **state)
{
	struct history h;
	struct history_slice slice;
	uint64_t seq = 0, i;
	size_t bytes = 0, runs = 0, at;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < 200; i++)
		history_run_add(&h, i + 1, 100, (char)i);
	while (seq < h.next_seq) {
		i = seq;
		slice = test_next(&h, &seq, 0, NULL);
		for (at = 0; at < slice.len; at++)
			assert_int_equal(slice.block->data[slice.off + at],
			    (char)(i + at / 100));
		bytes += slice.len;
		runs++;
	}
	assert_int_equal(bytes, 200 * 100);
	assert_true(runs > 1);
	/* The more there is, the longer the runs. */
	assert_true(runs < 10);
	assert_false(history_slice(&h, &seq, 0, NULL, &slice));
	/* From the middle of a run. */
	seq = 2;
	slice = test_next(&h, &seq, 0, NULL);
	assert_int_equal(slice.off, 100);
	/* From the last event. */
	seq = 199;
	slice = test_next(&h, &seq, 0, NULL);
	assert_int_equal(slice.len, 100);
	history_clear(&h);
}

static void
test_slice_limit(void **state)
{
	static const struct {
		struct id limit;
		uint64_t seq, want_next; /* 0: nothing */
	} cases[] = {
		{ { 1, 0 }, 0, 0 },
		{ { 1, 1 }, 0, 1 },
		{ { 2, 0 }, 0, 1 },
		{ { 2, 1 }, 0, 2 },
		{ { 3, 0 }, 1, 2 },
		{ { 3, 0 }, 2, 0 },
		{ { 4, 0 }, 0, 3 },
		{ { UINT64_MAX, UINT64_MAX }, 0, 3 },
		{ { UINT64_MAX, UINT64_MAX }, 3, 0 },
	};
	struct history h;
	struct history_slice slice;
	uint64_t seq;
	size_t i;
	int found;

	(void)state;
	test_init(&h);
	for (i = 1; i <= 3; i++)
		history_run_add(&h, i, 10, 'a');
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		seq = cases[i].seq;
		found = history_slice(&h, &seq, 0, &cases[i].limit, &slice);
		if (found != (cases[i].want_next != 0) ||
		    (found && slice.next_seq != cases[i].want_next))
			fail_msg("case %zu", i);
		assert_int_equal(seq, cases[i].seq);
	}
	history_clear(&h);
}

static void
test_slice_expiry(void **state)
{
	struct history h;
	struct history_slice slice;
	uint64_t seq = 0;

	(void)state;
	test_init(&h);
	test_add_expiring(&h, 1, 100); /* 0 */
	test_add_expiring(&h, 2, 0);
	test_add_expiring(&h, 3, 100); /* 2 */
	test_add_expiring(&h, 4, 200);
	test_add_expiring(&h, 5, 0);
	test_add_expiring(&h, 6, 50); /* 5 */
	assert_int_equal(h.expiring, 4);
	slice = test_next(&h, &seq, 49, NULL);
	assert_int_equal(slice.events, 6);
	/* At its moment it is over. */
	seq = 0;
	slice = test_next(&h, &seq, 50, NULL);
	assert_int_equal(slice.next_seq, 5);
	assert_false(history_slice(&h, &seq, 50, NULL, &slice));
	assert_int_equal(seq, 6);
	/* With expired ones at the front, in the middle, at the end. */
	seq = 0;
	assert_true(history_slice(&h, &seq, 100, NULL, &slice));
	assert_int_equal(seq, 1);
	assert_int_equal(slice.off, 10);
	assert_int_equal(slice.len, 10);
	assert_int_equal(slice.next_seq, 2);
	seq = 2;
	assert_true(history_slice(&h, &seq, 100, NULL, &slice));
	assert_int_equal(seq, 3);
	assert_int_equal(slice.len, 20);
	assert_int_equal(slice.next_seq, 5);
	/* Back to the plain way when the last that expires is dropped. */
	test_add_expiring(&h, 7, 0);
	history_run_trim(&h, 1, UINT64_MAX, 0);
	assert_int_equal(h.expiring, 0);
	seq = 6;
	slice = test_next(&h, &seq, UINT64_MAX, NULL);
	assert_int_equal(slice.events, 1);
	history_clear(&h);
}

static void
test_large(void **state)
{
	static const size_t sizes[] = { 1, 2, 2, 5, HISTORY_BLOCK_MAX - 1,
		HISTORY_BLOCK_MAX, HISTORY_BLOCK_MAX + 1, 1 << 20, 3, 70000,
		5 };
	struct history h;
	struct history_slice slice;
	uint64_t seq = 0;
	size_t i, total = 0, seen = 0;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		history_run_add(&h, i + 1, sizes[i], (char)('a' + i));
		total += sizes[i];
		assert_int_equal(h.bytes, total);
	}
	while (seq < h.next_seq) {
		i = (size_t)seq;
		slice = test_next(&h, &seq, 0, NULL);
		assert_int_equal(slice.block->data[slice.off], 'a' + (int)i);
		assert_int_equal(slice.block->data[slice.off + slice.len - 1],
		    'a' + (int)seq - 1);
		seen += slice.len;
	}
	assert_int_equal(seen, total);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_int_equal(history_at(&h, i)->len, sizes[i]);
	history_clear(&h);
}

/* Whoever is in the middle of sending a block keeps it. */
static void
test_reference(void **state)
{
	struct history h;
	struct history_slice slice;
	struct block *kept;
	uint64_t seq = 0;

	(void)state;
	test_init(&h);
	history_run_add(&h, 1, 100, 'a');
	history_run_add(&h, 2, 100, 'b');
	slice = test_next(&h, &seq, 0, NULL);
	kept = block_ref(slice.block);
	assert_int_equal(kept->refs, 2);
	history_run_trim(&h, 1, UINT64_MAX, 0);
	assert_int_equal(kept->refs, 2);
	history_run_trim(&h, 0, 0, 0);
	assert_int_equal(kept->refs, 1);
	assert_int_equal(kept->data[0], 'a');
	assert_int_equal(kept->data[199], 'b');
	/* What comes now is elsewhere, and does not change it. */
	history_run_add(&h, 3, 100, 'c');
	assert_ptr_not_equal(history_at(&h, 2)->block, kept);
	assert_int_equal(kept->used, 200);
	history_clear(&h);
	block_unref(kept);
	block_unref(NULL);
}

/* Bytes that are written do not move when more come behind them. */
static void
test_immutable(void **state)
{
	struct history h;
	struct block *block;
	uint64_t i;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	history_run_add(&h, 1, 10, 'x');
	block = block_ref(history_at(&h, 0)->block);
	for (i = 2; i < 1000; i++)
		history_run_add(&h, i, 50, 'y');
	assert_ptr_equal(history_at(&h, 0)->block, block);
	history_run_trim(&h, 1, UINT64_MAX, 0);
	assert_memory_equal(block->data, "xxxxxxxxxx", 10);
	block_unref(block);
	history_clear(&h);
}

/* Room that was made and not used is used next, or given back. */
static void
test_spare(void **state)
{
	struct history h;
	struct block *spare;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	assert_int_equal(history_prepare(&h, 200), 0);
	spare = h.spare;
	assert_non_null(spare);
	assert_int_equal(history_prepare(&h, 100), 0);
	assert_ptr_equal(h.spare, spare);
	/* Larger than the spare. */
	assert_int_equal(history_prepare(&h, 100000), 0);
	assert_true(h.spare->size >= 100000);
	history_run_add(&h, 1, 10, 'a');
	assert_null(h.spare);
	/* There is room enough. */
	assert_int_equal(history_prepare(&h, 1000), 0);
	assert_null(h.spare);
	history_run_trim(&h, 0, 0, 0);
	assert_int_equal(history_prepare(&h, 10), 0);
	assert_int_equal(history_prepare(&h, 1 << 20), 0);
	history_run_trim(&h, 0, 0, 0);
	assert_null(h.spare);
	assert_null(h.ring);
	assert_int_equal(history_prepare(&h, 10), 0);
	history_clear(&h);
	assert_null(h.spare);
	/* There is no spare, and no room in the last block. */
	test_init(&h);
	history_run_add(&h, 2, h.spare->size - 10, 'a');
	assert_int_equal(history_prepare(&h, 11), 0);
	assert_non_null(h.spare);
	/* The last block still takes what fits. */
	history_run_add(&h, 3, 10, 'b');
	assert_ptr_equal(history_at(&h, h.next_seq - 1)->block,
	    history_at(&h, h.first_seq)->block);
	assert_non_null(h.spare);
	history_clear(&h);
}

static void
test_ring(void **state)
{
	struct history h;
	uint64_t i;
	size_t most;

	(void)state;
	history_init(&h, (struct id){ 0, 0 }, &history_run_shared);
	for (i = 0; i < 1000; i++) {
		history_run_add(&h, i + 1, 1, 'a');
		assert_true(h.capacity >= history_count(&h));
		assert_true(h.capacity < 2 * history_count(&h) + 4);
	}
	most = h.capacity;
	/* It shrinks as it empties, and never below what it holds. */
	for (i = 1000; i-- > 1;) {
		history_run_trim(&h, i, UINT64_MAX, 0);
		assert_true(h.capacity >= history_count(&h));
		assert_int_equal(history_at(&h, h.first_seq)->id.ms,
		    h.first_seq + 1);
		assert_int_equal(history_at(&h, h.next_seq - 1)->id.ms, 1000);
	}
	assert_true(h.capacity < most / 64);
	history_clear(&h);
}

static void
test_blocks(void **state)
{
	struct block *b = block_of("abc", 3);

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->refs, 1);
	assert_int_equal(b->used, 3);
	assert_memory_equal(b->data, "abc", 3);
	assert_ptr_equal(block_ref(b), b);
	block_unref(b);
	assert_int_equal(b->refs, 1);
	block_unref(b);
	assert_null(block_new((size_t)UINT32_MAX + 1));
	b = block_new(5);
	assert_non_null(b);
	assert_int_equal(b->used, 0);
	assert_true(b->size >= 5);
	block_unref(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_trim_count),
		cmocka_unit_test(test_trim_bytes),
		cmocka_unit_test(test_trim_age),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_slice_limit),
		cmocka_unit_test(test_slice_expiry),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_immutable),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
