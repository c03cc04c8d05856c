/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/support.h"
#include "store/keys.h"

enum {
	KEYS_STEPS = 20000,
	KEYS_NAMES = 200,
	TEST_MAX = 100000
};

static const char *
test_find(const struct keys *k, const char *key)
{
	return keys_find(k,
	    keys_hash(k, support_guard(key, strlen(key)), strlen(key)));
}

static void
test_add(struct keys *k, const char *key, const char *id, uint64_t now_ms)
{
	struct text_span text = { id, strlen(id) };

	assert_int_equal(keys_add(k, keys_hash(k, key, strlen(key)), text,
			     now_ms),
	    0);
}

static void
test_find_and_forget(void **state)
{
	struct keys k;

	(void)state;
	keys_init(&k, TEST_MAX);
	assert_null(test_find(&k, "a"));
	test_add(&k, "a", "1-0", 10);
	test_add(&k, "ab", "1-1", 20);
	test_add(&k, "b", "", 30);
	assert_string_equal(test_find(&k, "a"), "1-0");
	assert_string_equal(test_find(&k, "ab"), "1-1");
	assert_string_equal(test_find(&k, "b"), "");
	assert_null(test_find(&k, "abc"));
	assert_null(test_find(&k, ""));
	keys_clear(&k);
	assert_int_equal(k.table.count, 0);
}

/* What is remembered of a key is as long as that of any other. */
static void
test_length(void **state)
{
	static char longest[1 << 20];
	struct keys k;
	size_t bytes;

	(void)state;
	keys_init(&k, TEST_MAX);
	test_add(&k, "a", "1-0", 0);
	bytes = k.bytes;
	assert_in_range(bytes, 1, 128);
	memset(longest, 'k', sizeof longest - 1);
	test_add(&k, longest, "1-1", 0);
	assert_int_equal(k.bytes, 2 * bytes);
	assert_true(keys_memory(&k) > k.bytes);
	longest[sizeof longest - 2] = 'l';
	assert_null(test_find(&k, longest));
	longest[sizeof longest - 2] = 'k';
	assert_string_equal(test_find(&k, longest), "1-1");
	keys_clear(&k);
	assert_int_equal(k.bytes, 0);
	assert_int_equal(keys_memory(&k), 0);
}

/* Who does not know the secret cannot find two keys with the same hash. */
static void
test_secret(void **state)
{
	struct keys_hash one, other;
	struct keys a, b;

	(void)state;
	keys_init(&a, TEST_MAX);
	keys_init(&b, TEST_MAX);
	one = keys_hash(&a, "k", 1);
	other = keys_hash(&b, "k", 1);
	assert_memory_not_equal(&one, &other, sizeof one);
	keys_clear(&a);
	keys_clear(&b);
}

/* Keys are bytes: none ends another. */
static void
test_bytes(void **state)
{
	static const struct text_span keys[] = { { "a\0b", 3 }, { "a", 1 },
		{ "a\0", 2 }, { "", 0 }, { "a\0b\0", 4 }, { "b", 1 } };
	struct text_span id = { "0", 1 };
	struct keys_hash hash;
	struct keys k;
	size_t i, n;

	(void)state;
	keys_init(&k, TEST_MAX);
	for (i = 0; i < sizeof keys / sizeof *keys; i++) {
		for (n = 0; n <= i; n++) {
			hash = keys_hash(&k, keys[n].text, keys[n].len);
			assert_int_equal(keys_find(&k, hash) != NULL, n < i);
		}
		assert_int_equal(keys_add(&k, hash, id, 0), 0);
	}
	keys_clear(&k);
}

/* Below, at and above the moment; and what is forgotten can come again. */
static void
test_expiry(void **state)
{
	struct keys k;

	(void)state;
	keys_init(&k, TEST_MAX);
	keys_expire(&k, 100);
	test_add(&k, "a", "1-0", 99);
	test_add(&k, "b", "1-1", 100);
	test_add(&k, "c", "1-2", 101);
	keys_expire(&k, 99);
	assert_int_equal(k.table.count, 3);
	keys_expire(&k, 100);
	assert_null(test_find(&k, "a"));
	assert_non_null(test_find(&k, "b"));
	test_add(&k, "a", "2-0", 102);
	keys_expire(&k, 102);
	assert_string_equal(test_find(&k, "a"), "2-0");
	assert_int_equal(k.table.count, 1);
	keys_clear(&k);
}

/* There are never more than the bound; the oldest goes. */
static void
test_most(void **state)
{
	char key[16];
	struct keys k;
	int i;

	(void)state;
	keys_init(&k, TEST_MAX);
	for (i = 0; i < TEST_MAX + 2; i++) {
		snprintf(key, sizeof key, "%d", i);
		test_add(&k, key, "i", 0);
		if (i == TEST_MAX - 1)
			assert_non_null(test_find(&k, "0"));
	}
	assert_int_equal(k.table.count, TEST_MAX);
	assert_null(test_find(&k, "0"));
	assert_null(test_find(&k, "1"));
	assert_non_null(test_find(&k, "2"));
	assert_non_null(test_find(&k, key));
	keys_clear(&k);
}

/* Against a plain array, over a long random life. */
static void
test_model(void **state)
{
	uint64_t seed = 17, at[KEYS_NAMES] = { 0 }, now = 1000, before;
	char key[16];
	struct keys k;
	uint32_t name;
	size_t i, n, count = 0;

	(void)state;
	keys_init(&k, TEST_MAX);
	for (i = 0; i < KEYS_STEPS; i++, now++) {
		name = support_random(&seed, KEYS_NAMES);
		snprintf(key, sizeof key, "key/%u", name);
		assert_int_equal(test_find(&k, key) != NULL, at[name] != 0);
		if (at[name] == 0) {
			test_add(&k, key, key, now);
			at[name] = now;
			count++;
		}
		assert_string_equal(test_find(&k, key), key);
		if (support_random(&seed, 10) != 0)
			continue;
		before = now - support_random(&seed, 300);
		keys_expire(&k, before);
		for (n = 0; n < KEYS_NAMES; n++) {
			if (at[n] != 0 && at[n] < before) {
				at[n] = 0;
				count--;
			}
		}
		assert_int_equal(k.table.count, count);
	}
	keys_clear(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_and_forget),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
