/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/redis_url.h"

/* A URL in one line: way user@hosts path master/db prefix ca. */
static const char *
test_show(const char *text)
{
	static char line[4096];
	struct redis_url url;
	const char *wrong = redis_url_read(text, &url);
	size_t i, n;

	if (wrong != NULL)
		return wrong;
	n = (size_t)snprintf(line, sizeof line, "%d %s@", url.way, url.user);
	for (i = 0; i < url.host_count; i++)
		n += (size_t)snprintf(line + n, sizeof line - n, "%s#%s,",
		    url.hosts[i].name, url.hosts[i].port);
	snprintf(line + n, sizeof line - n, " %s %s/%s %s %s", url.path,
	    url.master, url.db, url.prefix, url.ca);
	return line;
}

static void
test_read(void **state)
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{ "redis://h", "0 @h#6379,  /0 crier " },
		{ "redis://h/", "0 @h#6379,  /0 crier " },
		{ "redis://h:1/15", "0 @h#1,  /15 crier " },
		{ "redis://u@h:65535", "0 u@h#65535,  /0 crier " },
		{ "redis://u%40x@10.0.0.1", "0 u@x@10.0.0.1#6379,  /0 crier " },
		{ "redis://[::1]:7/2?prefix=a:b", "0 @::1#7,  /2 a:b " },
		{ "rediss://h", "1 @h#6379,  /0 crier " },
		{ "rediss://h?ca=/etc/ca.pem&prefix=x",
		    "1 @h#6379,  /0 x /etc/ca.pem" },
		{ "redis+unix:///run/r.sock", "2 @ /run/r.sock /0 crier " },
		{ "redis+unix://u@/r?db=3&prefix=p", "2 u@ /r /3 p " },
		{ "redis+sentinel://a,b:1,[::2]:3/m",
		    "3 @a#26379,b#1,::2#3,  m/0 crier " },
		{ "redis+sentinel://u@a/m/4", "3 u@a#26379,  m/4 crier " },
		{ "rediss+sentinel://a,b/m?ca=/c&sentinel-user=s",
		    "4 @a#26379,b#26379,  m/0 crier /c" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++)

		assert_string_equal(test_show(table[i].text), table[i].shown);
}

static void
test_wrong(void **state)
{
	static const char *const table[] = { "", "redis:h", "REDIS://h",
		"redis://", "redis:///1", "redis://:1",
		"redis://h:", "redis://h:0", "redis://h:65536", "redis://h:+1",
		"redis://h:1x", "redis://h/x", "redis://h/1/2", "redis://h/-1",
		"redis://a,b", "redis://h i", "redis://h\n", "redis://[::1",
		"redis://[::1]x", "redis://[]", "redis://u:secret@h",
		"redis://:secret@h", "redis://@h", "redis://u%zz@h",
		"redis://h?prefix=", "redis://h?prefix={a}",
		"redis://h?prefix=a%7D", "redis://h?prefix=a b",
		"redis://h?db=1", "redis://h?ca=/x", "redis://h?x=1",
		"redis://h?prefix", "rediss://h?ca=", "redis+unix://",
		"redis+unix://r.sock", "redis+unix:///r?db=x",
		"redis+unix:///a\rb", "redis+sentinel://a",
		"redis+sentinel://a/", "redis+sentinel://a,/m",
		"redis+sentinel://a/m/x", "redis+sentinel://a/m?ca=/x",
		"redis://h?sentinel-user=x",
		"redis+sentinel://a/m?sentinel-user=",
		"redis+sentinel://a,a,a,a,a,a,a,a,a/m" };
	struct redis_url url;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		assert_non_null(redis_url_read(table[i], &url));
		assert_non_null(redis_url_wrong(table[i]));
	}
	assert_non_null(strstr(redis_url_wrong("redis://u:secret@h"),
	    "store-password-file"));
}

/* The bounds of what is copied. */
static void
test_long(void **state)
{
	static const struct {
		const char *before;
		size_t most;
		const char *behind;
	} table[] = {
		{ "redis://", REDIS_URL_HOST_SIZE - 1, "" },
		{ "redis://", REDIS_URL_WORD_SIZE - 1, "@h" },
		{ "redis://h?prefix=", REDIS_URL_PREFIX_MAX, "" },
		{ "rediss://h?ca=", REDIS_URL_FILE_SIZE - 1, "" },
		{ "redis+unix:///", 106, "" },
		{ "redis+sentinel://a/", REDIS_URL_WORD_SIZE - 1, "" },
	};
	char text[2048], part[2048];
	size_t i;
	int n;

	(void)state;
	memset(part, 'x', sizeof part);
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		n = (int)table[i].most;
		snprintf(text, sizeof text, "%s%.*s%s", table[i].before, n,
		    part, table[i].behind);
		assert_null(redis_url_wrong(text));
		snprintf(text, sizeof text, "%s%.*s%s", table[i].before, n + 1,
		    part, table[i].behind);
		assert_non_null(redis_url_wrong(text));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
