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

#include "base/siphash.h"
#include "base/table.h"
#include "lib/support.h"

enum {
	TEST_NAMES = 5000
};

struct test_name {
	struct table_entry entry;
	int is_in;
	char text[16];
};

static void
test_keys(void **state)
{
	struct table a, b;

	(void)state;
	table_init(&a);
	table_init(&b);
	/* Nobody can choose names that collide in a table he does not know. */
	assert_true(a.key[0] != b.key[0] || a.key[1] != b.key[1]);
	assert_true(siphash_64(a.key, "x", 1) != siphash_64(b.key, "x", 1));
	table_clear(&a);
	table_clear(&b);
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} names[] = { { "a", 1 }, { "ab", 2 }, { "b", 1 }, { "a\0b", 3 },
		{ "a\0c", 3 }, { "", 0 }, { "A", 1 }, { "a/b", 3 } };
	struct table_entry entries[sizeof names / sizeof *names];
	struct table t;
	size_t i, count = sizeof names / sizeof *names;

	(void)state;
	table_init(&t);
	assert_null(table_find(&t, "a", 1));
	for (i = 0; i < count; i++) {
		assert_null(table_find(&t, names[i].name, names[i].len));
		entries[i].name = names[i].name;
		entries[i].name_len = names[i].len;
		assert_int_equal(table_insert(&t, &entries[i]), 0);
	}
	for (i = 0; i < count; i++)
		assert_ptr_equal(table_find(&t,
				     support_guard(names[i].name, names[i].len),
				     names[i].len),
		    &entries[i]);
	assert_null(table_find(&t, "abc", 3));
	assert_int_equal(t.count, count);
	for (i = 0; i < count; i++) {
		table_remove(&t, &entries[i]);
		assert_null(table_find(&t, names[i].name, names[i].len));
		assert_int_equal(t.count, count - 1 - i);
	}
	table_clear(&t);
	assert_null(t.slots);
	table_clear(&t);
}

/*
 * All want the last slot, so they go on at the first ones: the same hash does
 * not make the same name, and whichever goes, the others are found.
 */
static void
test_collisions(void **state)
{
	struct table_entry entries[5], *order[5];
	static const char names[] = "abcde";
	struct table t;
	size_t i, j, at;

	(void)state;
	for (j = 0; j < 5; j++) {
		table_init(&t);
		for (i = 0; i < 5; i++) {
			entries[i].name = &names[i];
			entries[i].name_len = 1;
			assert_int_equal(table_insert(&t, &entries[i]), 0);
		}
		/* As if the hash of all were that of the first. */
		/* NOLINTNEXTLINE(bugprone-sizeof-*): of pointers */
		memset(t.slots, 0, t.slot_count * sizeof *t.slots);
		memset(t.tags, 0, t.slot_count);
		at = entries[0].hash & (t.slot_count - 1);
		for (i = 0; i < 5; i++) {
			order[i] = &entries[4 - i];
			order[i]->hash = siphash_64(t.key, names, 1);
			t.slots[(at + i) & (t.slot_count - 1)] = order[i];
			t.tags[(at + i) & (t.slot_count - 1)] =
			    (unsigned char)(0x80 | entries[0].hash >> 57);
		}
		assert_ptr_equal(table_find(&t, names, 1), &entries[0]);
		table_remove(&t, &entries[j]);
		assert_ptr_equal(table_find(&t, names, 1),
		    j == 0 ? NULL : &entries[0]);
		/* No slot is left over between them. */
		for (i = 0; i < 4; i++)
			assert_non_null(t.slots[(at + i) & (t.slot_count - 1)]);
		assert_null(t.slots[(at + 4) & (t.slot_count - 1)]);
		table_clear(&t);
	}
}

static void
test_check_all(const struct table *t, const struct test_name *names,
    size_t count)
{
	struct table_entry *e;
	size_t i, in = 0;

	for (i = 0; i < count; i++) {
		e = table_find(t, names[i].text, strlen(names[i].text));
		assert_ptr_equal(e,
		    names[i].is_in ? (const void *)&names[i].entry : NULL);
		in += (size_t)names[i].is_in;
	}
	assert_int_equal(t->count, in);
	assert_true(in == 0 || t->slot_count >= 16);
	assert_int_equal(t->slot_count & (t->slot_count - 1), 0);
}

static void
test_model(void **state)
{
	struct test_name *names = calloc(TEST_NAMES, sizeof *names);
	struct table t;
	uint64_t seed = 3;
	uint32_t i, step, wants_in;

	(void)state;
	assert_non_null(names);
	table_init(&t);
	for (i = 0; i < TEST_NAMES; i++) {
		names[i].entry.name = names[i].text;
		names[i].entry.name_len = (size_t)snprintf(names[i].text,
		    sizeof names[i].text, "n/%u", i);
	}
	for (step = 0; step < 60000; step++) {
		i = support_random(&seed, TEST_NAMES);
		/* Filling for a while, then emptying. */
		wants_in = support_random(&seed, 10) <
		    (step / 15000 % 2 == 0 ? 9U : 1U);
		if (wants_in && !names[i].is_in)
			assert_int_equal(table_insert(&t, &names[i].entry), 0);
		else if (!wants_in && names[i].is_in)
			table_remove(&t, &names[i].entry);
		names[i].is_in = (int)wants_in;
		if (step % 5000 == 4999)
			test_check_all(&t, names, TEST_NAMES);
	}
	for (i = 0; i < TEST_NAMES; i++)
		if (names[i].is_in)
			table_remove(&t, &names[i].entry);
	/* Empty again, it does not keep what it took at its fullest. */
	assert_int_equal(t.count, 0);
	assert_true(t.slot_count <= 32);
	table_clear(&t);
	free(names);
}

static void
test_growth(void **state)
{
	struct test_name *names = calloc(TEST_NAMES, sizeof *names);
	struct table t;
	uint32_t i;

	(void)state;
	assert_non_null(names);
	table_init(&t);
	for (i = 0; i < TEST_NAMES; i++) {
		names[i].entry.name = names[i].text;
		names[i].entry.name_len = (size_t)snprintf(names[i].text,
		    sizeof names[i].text, "%x", i);
		assert_int_equal(table_insert(&t, &names[i].entry), 0);
		names[i].is_in = 1;
		assert_true(t.count <= t.slot_count / 4 * 3);
	}
	test_check_all(&t, names, TEST_NAMES);
	table_clear(&t);
	free(names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
