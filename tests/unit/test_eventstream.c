/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/eventstream.h"

/* A stream and the events it makes: id|event|data; '-' is none. */
struct test_case {
	const char *stream;
	size_t len; /* 0: strlen */
	const char *want;
	const char *last_id; /* NULL: not looked at */
};

static const struct test_case test_cases[] = {
	{ "data: a\n\n", 0, "[-|-|a]", NULL },
	{ "data:a\n\n", 0, "[-|-|a]", NULL },
	{ "data:  a\n\n", 0, "[-|-| a]", NULL },
	{ "data:\ta\n\n", 0, "[-|-|\ta]", NULL },
	{ "data\n\n", 0, "[-|-|]", NULL },
	{ "data:\n\n", 0, "[-|-|]", NULL },
	{ "data\ndata\n\n", 0, "[-|-|\n]", NULL },
	{ "data:test\n\ndata\ndata\n\ndata:test\n\n", 0,
	    "[-|-|test][-|-|\n][-|-|test]", NULL },
	{ "data: a\rdata: b\r\ndata: c\n\r\n", 0, "[-|-|a\nb\nc]", NULL },
	{ "data: a\r\r\ndata: b\n\n", 0, "[-|-|a][-|-|b]", NULL },
	{ "data: a\r\n\r\ndata: b\r\n\r\n", 0, "[-|-|a][-|-|b]", NULL },
	{ "\xef\xbb\xbf"
	  "data: a\n\n",
	    0, "[-|-|a]", NULL },
	{ "\xef\xbb\xbf\xef\xbb\xbf"
	  "data: a\n\ndata: b\n\n",
	    0, "[-|-|b]", NULL },
	{ "data: a\n\n\xef\xbb\xbf"
	  "data: b\n\n",
	    0, "[-|-|a]", NULL },
	{ "\xef\xbb\xbf\ndata: a\n\n", 0, "[-|-|a]", NULL },
	{ ":c\ndata: a\n:\n: data: x\ndata: b\n\n", 0, "[-|-|a\nb]", NULL },
	{ "data: a\nretry: 5\nunknown: x\nDATA: x\n data: x\n\n", 0, "[-|-|a]",
	    NULL },
	{ "event: e\ndata: a\n\ndata: b\n\n", 0, "[-|e|a][-|-|b]", NULL },
	{ "event: e\nevent: f\nevent:\ndata: a\n\n", 0, "[-|-|a]", NULL },
	{ "event: e\n\ndata: a\n\n", 0, "[-|-|a]", NULL },
	{ "id: 1\ndata: a\n\ndata: b\n\n", 0, "[1|-|a][-|-|b]", "1" },
	{ "id: 1\nid: 2\ndata: a\n\n", 0, "[2|-|a]", "2" },
	{ "id: 1\n\n", 0, "", "1" },
	{ "id: 1\n\ndata: a\n\n", 0, "[-|-|a]", "1" },
	{ "id: 1\n\nid\ndata: a\n\n", 0, "[|-|a]", "" },
	{ "id: 1\n\nid: 2\ndata: cut", 0, "", "1" },
	{ "data: a\nid: 1\0x\n\ndata: b\n\n", 26, "[-|-|a][-|-|b]", "" },
	{ "data: a\0b\n\n", 11, "[-|-|a", NULL },
	{ "data: a", 0, "", NULL },
	{ "data: a\n", 0, "", NULL },
	{ "data: a\n\nda", 0, "[-|-|a]", NULL },
	{ "data: ok\xe2\x82\xac\n\n", 0, "[-|-|ok\xe2\x82\xac]", NULL },
	{ "da\rta: x\n\n", 0, "", NULL },
	{ "\n\n\r\n", 0, "", "" },
	{ "retry: 3000\n\nid: 5-0\n\nid: 6-0\nevent: x\ndata: y\n\n:\n", 0,
	    "[6-0|x|y]", "6-0" },
};
enum {
	TEST_CASES = sizeof test_cases / sizeof test_cases[0]
};

static void
test_append(char *have, size_t size, const struct eventstream_event *e)
{
	size_t n = strlen(have);

	snprintf(have + n, size - n, "[%.*s|%.*s|%.*s]",
	    e->id == NULL ? 1 : (int)e->id_len, e->id == NULL ? "-" : e->id,
	    e->event == NULL ? 1 : (int)e->event_len,
	    e->event == NULL ? "-" : e->event, (int)e->data_len, e->data);
}

/* Feeds the stream in pieces of step bytes, each in memory of its size. */
static void
test_run(const struct test_case *t, size_t step)
{
	struct eventstream es = { 0 };
	struct eventstream_event e;
	size_t len = t->len == 0 ? strlen(t->stream) : t->len, i, n, left;
	char have[256] = "", *piece;
	const char *p, *id;

	for (i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		piece = malloc(n);
		assert_non_null(piece);
		memcpy(piece, t->stream + i, n);
		p = piece;
		left = n;
		while (eventstream_read(&es, &p, &left, 64, &e) == 1)
			test_append(have, sizeof have, &e);
		assert_int_equal(left, 0);
		free(piece);
	}
	/* A NUL in the data cuts what snprintf shows of it. */
	if (strncmp(have, t->want, strlen(t->want)) != 0 ||
	    (t->len == 0 && strcmp(have, t->want) != 0))
		fail_msg("%s: %s, not %s", t->stream, have, t->want);
	id = eventstream_last_id(&es);
	if (t->last_id != NULL)
		assert_string_equal(id == NULL ? "" : id, t->last_id);
	eventstream_clear(&es);
}

static void
test_whole(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_CASES; i++)
		test_run(&test_cases[i], SIZE_MAX);
}

static void
test_pieces(void **state)
{
	size_t i, step;

	(void)state;
	for (i = 0; i < TEST_CASES; i++)
		for (step = 1; step < 8; step++)
			test_run(&test_cases[i], step);
}

static int
test_limit(const char *text, size_t max)
{
	struct eventstream es = { 0 };
	struct eventstream_event e;
	size_t len = strlen(text);
	int rc = eventstream_read(&es, &text, &len, max, &e), error = errno;

	eventstream_clear(&es);
	errno = error;
	return rc;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(test_limit("data: abc\n\n", 9), 1);
	assert_int_equal(test_limit("data: abc\n\n", 8), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(test_limit("data: abc", 9), 0);
	assert_int_equal(test_limit("data: abc", 8), -1);
	/* The data of all lines together, with their line ends. */
	assert_int_equal(test_limit("data:ab\ndata:ab\ndata:ab\n\n", 9), 1);
	assert_int_equal(test_limit("data:ab\ndata:ab\ndata:ab\n\n", 8), -1);
}

static void
test_restart(void **state)
{
	static const char first[] = "id: 1\ndata: a\n\nid: 2\ndata: lost\r",
			  second[] = "\ndata: b\n\n";
	struct eventstream es = { 0 };
	struct eventstream_event e;
	const char *p = first;
	size_t len = sizeof first - 1;

	(void)state;
	assert_int_equal(eventstream_read(&es, &p, &len, 64, &e), 1);
	assert_int_equal(eventstream_read(&es, &p, &len, 64, &e), 0);
	eventstream_restart(&es);
	assert_string_equal(eventstream_last_id(&es), "1");
	p = second;
	len = sizeof second - 1;
	assert_int_equal(eventstream_read(&es, &p, &len, 64, &e), 1);
	assert_null(e.id);
	assert_memory_equal(e.data, "b", 1);
	assert_int_equal(e.data_len, 1);
	eventstream_clear(&es);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests_name("eventstream", tests, NULL, NULL);
}
