/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/store_url.h"

static void
test_read(void **state)
{
	static const struct {
		const char *text;
		enum store_kind kind;
		const char *address, *file;
	} table[] = {
		{ "memory", STORE_KIND_MEMORY, "", NULL },
		{ "sqlite:/a/b.db", STORE_KIND_SQLITE, "/a/b.db", "/a/b.db" },
		{ "sqlite:x", STORE_KIND_SQLITE, "x", "x" },
	};
	struct store_url url;
	const char *file;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		assert_true(store_url_read(table[i].text, &url));
		assert_int_equal(url.kind, table[i].kind);
		assert_string_equal(url.address, table[i].address);
		assert_null(store_url_wrong(table[i].text));
		file = store_url_file(table[i].text);
		assert_true((file == NULL) == (table[i].file == NULL));
		if (file != NULL)
			assert_string_equal(file, table[i].file);
	}
}

static void
test_wrong(void **state)
{
	static const char *const table[] = { "", "Memory", "memory:", "memoryx",
		"sqlite", "sqlite:", "redis:x", "/a" };
	struct store_url url;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		assert_false(store_url_read(table[i], &url));
		assert_non_null(store_url_wrong(table[i]));
		assert_null(store_url_file(table[i]));
	}
	/* A value of the setting, but no URL. */
	assert_null(store_url_wrong("auto"));
	assert_false(store_url_read("auto", &url));
	assert_null(store_url_file("auto"));
}

static void
test_choose(void **state)
{
	static const struct {
		const char *setting;
		bool comes_and_goes;
		const char *want;
	} table[] = {
		{ "auto", false, "memory" },
		{ "auto", true, "sqlite:/run/crier/history.db" },
		{ "memory", true, "memory" },
		{ "sqlite:x", false, "sqlite:x" },
	};
	char *url;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		url = store_url_choose(table[i].setting,
		    "/run/crier/queue.sock", table[i].comes_and_goes);
		assert_string_equal(url, table[i].want);
		free(url);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_choose),
	};

	return cmocka_run_group_tests_name("store_url", tests, NULL, NULL);
}
