/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
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
		{ "redis://h/1", STORE_KIND_REDIS, "h/1", NULL },
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
		"sqlite", "sqlite:", "redis:x", "/a", "redis://",
		"redis://u:p@h" };
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
		{ "auto", true, "sqlite:/srv/crier/history.db" },
		{ "memory", true, "memory" },
		{ "sqlite:x", false, "sqlite:x" },
	};
	char *url;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		url = store_url_choose(table[i].setting,
		    "/srv/crier/queue.sock", table[i].comes_and_goes);
		assert_string_equal(url, table[i].want);
		free(url);
	}
}

/* What is below the directory of a session is in memory. */
static void
test_session(void **state)
{
	char home[] = "/tmp/crier-url-XXXXXX", want[128], *url;

	(void)state;
	assert_non_null(mkdtemp(home));
	setenv("HOME", home, 1);
	setenv("XDG_RUNTIME_DIR", "/srv/session", 1);
	url = store_url_choose("auto", "/srv/session/crier/queue.sock", true);
	snprintf(want, sizeof want,
	    "sqlite:%s/.crier/history-srv-session-crier-queue.sock.db", home);
	/* Where a system's crierd has its place, that is used. */
	if (access("/var/lib/crier", W_OK) == -1)
		assert_string_equal(url, want);
	free(url);
	url = store_url_choose("auto", "/srv/sessions/crier/queue.sock", true);
	assert_string_equal(url, "sqlite:/srv/sessions/crier/history.db");
	free(url);
	url = store_url_choose("auto", "/srv/session/crier/queue.sock", false);
	assert_string_equal(url, "memory");
	free(url);
	rmdir(home);
	setenv("HOME", "/nonexistent", 1);
	url = store_url_choose("auto", "/srv/session/crier/queue.sock", true);
	if (access("/var/lib/crier", W_OK) == -1)
		assert_string_equal(url,
		    "sqlite:/srv/session/crier/history.db");
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests_name("store_url", tests, NULL, NULL);
}
