/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The tests' reference parser against tables in the manner of the
 * web-platform-tests eventsource/format-* cases: each stream whole, byte by
 * byte, and cut in two at every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/sse_parser.h"

/* What is expected, as text: "message(data)" per event, "#id" behind it when
 * there is a last event ID, "retry(ms)", "!id" for the last event ID string
 * at the end of the stream; LF as |, NUL as %0. */
struct parse_case {
	const char *name;
	const char *stream;
	size_t len;
	const char *expected;
};

#define STREAM(text) text, sizeof(text) - 1

static const struct parse_case parse_cases[] = {
	{ "format-bom: the first one is dropped",
	    STREAM("\xEF\xBB\xBF"
		   "data:1\n\ndata:2\n\n"),
	    "message(1) message(2) !" },
	{ "format-bom: a later one spoils its field name",
	    STREAM("\xEF\xBB\xBF"
		   "data:1\n\n\xEF\xBB\xBF"
		   "data:2\n\ndata:3\n\n"),
	    "message(1) message(3) !" },
	{ "format-bom-2: only one is dropped",
	    STREAM("\xEF\xBB\xBF\xEF\xBB\xBF"
		   "data:1\n\ndata:2\n\ndata:3\n\n"),
	    "message(2) message(3) !" },
	{ "format-bom: inside a value it is text",
	    STREAM("data:\xEF\xBB\xBFx\n\n"), "message(\xEF\xBB\xBFx) !" },
	{ "format-comments: ignored, whatever they hold",
	    STREAM("data:1\r:\0\n:\r\ndata:2\n:xxxxxxxxxxxxxxxx\rdata:3\n:data:"
		   "no\r:\r\ndata:4\n\n"),
	    "message(1|2|3|4) !" },
	{ "format-comments: alone they dispatch nothing",
	    STREAM(":\n\n: a comment\n\n:\r\r"), "!" },
	{ "format-data-before-final-empty-line: discarded",
	    STREAM("retry:1000\ndata:test1\n\nid:test\ndata:test2\n"),
	    "retry(1000) message(test1) !" },
	{ "format-data-before-final-empty-line: line unfinished",
	    STREAM("data:one\n\ndata:two"), "message(one) !" },
	{ "format-field-data: empty, doubled, without a colon",
	    STREAM("data:\n\ndata\ndata\n\ndata:test\n\n"),
	    "message() message(|) message(test) !" },
	{ "format-field-data: a name alone at the end of a block",
	    STREAM("data:a\ndata\n\ndata: \n\n"), "message(a|) message() !" },
	{ "format-field-event: names one event, not the next",
	    STREAM("event:test\ndata:x\n\ndata:y\n\n"),
	    "test(x) message(y) !" },
	{ "format-field-event: a block without data forgets it",
	    STREAM("event:lost\n\ndata:x\n\n"), "message(x) !" },
	{ "format-field-event: the last one counts",
	    STREAM("event:a\nevent:b\ndata:x\n\n"), "b(x) !" },
	{ "format-field-event-empty: is a message",
	    STREAM("event: \ndata:data\n\nevent:x\nevent\ndata:y\n\n"),
	    "message(data) message(y) !" },
	{ "format-field-id: goes with the event",
	    STREAM("id: 1\ndata: hello\n\n"), "message(hello)#1 !1" },
	{ "format-field-id: persists over events without one",
	    STREAM("id:1\ndata:a\n\ndata:b\n\n"),
	    "message(a)#1 message(b)#1 !1" },
	{ "format-field-id-2: an empty one resets",
	    STREAM("id:1\ndata:a\n\nid\ndata:b\n\ndata:c\n\n"),
	    "message(a)#1 message(b) message(c) !" },
	{ "format-field-id-3: persists, changes, resets",
	    STREAM("id: 1\ndata: 1\n\ndata: 2\n\nid: 2\ndata: 3\n\ndata: 4\n\n"
		   "id:\ndata: 5\n\ndata: 6\n\n"),
	    "message(1)#1 message(2)#1 message(3)#2 message(4)#2 message(5) "
	    "message(6) !" },
	{ "format-field-id: a block without data moves the string",
	    STREAM("id: 7\n\n"), "!7" },
	{ "format-field-id: an unfinished block does not",
	    STREAM("id: 7\n\nid: 8\n"), "!7" },
	{ "format-field-id-null: with a NUL it is ignored",
	    STREAM(
		"id:first\ndata:a\n\nid:se\0cond\ndata:b\n\nid:\0\ndata:c\n\n"),
	    "message(a)#first message(b)#first message(c)#first !first" },
	{ "format-field-parsing: colons, spaces, case",
	    STREAM("data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\n"
		   "da-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n"),
	    "message(%0| 2|1|3||4) !" },
	{ "format-field-parsing: only the first colon splits",
	    STREAM("data::x:y\n\n"), "message(:x:y) !" },
	{ "format-field-retry: digits", STREAM("retry:3000\ndata:x\n\n"),
	    "retry(3000) message(x) !" },
	{ "format-field-retry: takes effect without data",
	    STREAM("retry: 3000\n\n"), "retry(3000) !" },
	{ "format-field-retry: leading zeros are decimal",
	    STREAM("retry:010\n\n"), "retry(10) !" },
	{ "format-field-retry-bogus: anything else is ignored",
	    STREAM("retry:3000\nretry:1000x\nretry:-1\nretry:+1\nretry:1e3\n"
		   "retry:  5\nretry:5 \nretry:\xEF\xBC\x91\ndata:x\n\n"),
	    "retry(3000) message(x) !" },
	{ "format-field-retry-empty: changes nothing",
	    STREAM("retry\nretry:\nretry: \ndata:test\n\n"),
	    "message(test) !" },
	{ "format-field-retry: too large stays large",
	    STREAM("retry:99999999999999999999999\n\n"),
	    "retry(18446744073709551615) !" },
	{ "format-field-unknown: ignored",
	    STREAM("data:test\n data\ndata:test\nfoobar:xxx\njustsometext\n"
		   ":thisisacommentyay\nname: x\ndata:test\n\n"),
	    "message(test|test|test) !" },
	{ "format-leading-space: one is removed",
	    STREAM("data:\ttest\rdata: \ndata:test\n\ndata:  two\n\n"),
	    "message(\ttest||test) message( two) !" },
	{ "format-newlines: all three, mixed",
	    STREAM("data:test\r\ndata\ndata:test\r\n\r"),
	    "message(test||test) !" },
	{ "format-newlines: CR alone", STREAM("id:1\rdata:a\r\rdata:b\r\r"),
	    "message(a)#1 message(b)#1 !1" },
	{ "format-newlines: CRLF CRLF is one blank line",
	    STREAM("data:a\r\n\r\ndata:b\r\n\r\n"), "message(a) message(b) !" },
	{ "format-newlines: LF CR is two line ends",
	    STREAM("data:a\n\rdata:b\n\r"), "message(a) message(b) !" },
	{ "format-newlines: other separators are text",
	    STREAM("data:a\vb\fc\xC2\x85"
		   "d\xE2\x80\xA8"
		   "e\n\n"),
	    "message(a\vb\fc\xC2\x85"
	    "d\xE2\x80\xA8"
	    "e) !" },
	{ "format-null-character: is data", STREAM("data:\0\n\n\n\n"),
	    "message(%0) !" },
	{ "format-utf-8: several bytes a character",
	    STREAM("data:ok\xE2\x80\xA6\xF0\x9F\x8E\xBA\xC3\xA9\n\n"),
	    "message(ok\xE2\x80\xA6\xF0\x9F\x8E\xBA\xC3\xA9) !" },
	{ "format-utf-8: bad bytes are replaced one by one",
	    STREAM("data:\xFF|\xC0\xAF|\xED\xA0\x80\n\n"),
	    "message(\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD|"
	    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD) !" },
	{ "format-utf-8: a truncated character is one",
	    STREAM(
		"data:\xF0\x9F\x8E\ndata:\xE2\x80x\ndata:\xF4\x90\x80\x80\n\n"),
	    "message(\xEF\xBF\xBD|\xEF\xBF\xBDx|"
	    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD) !" },
	{ "blank lines dispatch nothing", STREAM("\n\n\r\r\n\n"), "!" },
	{ "nothing at all", STREAM(""), "!" },
};

#define N_CASES (sizeof(parse_cases) / sizeof(parse_cases[0]))

struct transcript {
	char text[1024];
	size_t len;
};

static void
transcript_add(struct transcript *transcript, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_true(transcript->len + 3 < sizeof(transcript->text));
		if (bytes[i] == '\0') {
			transcript->text[transcript->len++] = '%';
			transcript->text[transcript->len++] = '0';
		} else if (bytes[i] == '\n') {
			transcript->text[transcript->len++] = '|';
		} else {
			transcript->text[transcript->len++] = bytes[i];
		}
	}
	transcript->text[transcript->len] = '\0';
}

static void
transcript_event_cb(const struct sse_event *event, void *arg)
{
	transcript_add(arg, event->type, event->type_len);
	transcript_add(arg, "(", 1);
	transcript_add(arg, event->data, event->data_len);
	transcript_add(arg, ")", 1);
	if (event->last_id_len > 0)
		transcript_add(arg, "#", 1);
	transcript_add(arg, event->last_id, event->last_id_len);
	transcript_add(arg, " ", 1);
}

static void
transcript_retry_cb(uint64_t ms, void *arg)
{
	char text[40];

	snprintf(text, sizeof(text), "retry(%llu) ", (unsigned long long)ms);
	transcript_add(arg, text, strlen(text));
}

/* Feeds the stream in a piece of FIRST bytes and pieces of at most STEP, each
 * from memory that ends where the piece ends. */
static void
parse_in_pieces(const struct parse_case *c, size_t first, size_t step)
{
	struct transcript transcript = { .len = 0 };
	struct sse_sink sink = { transcript_event_cb, transcript_retry_cb, NULL,
		&transcript };
	struct sse_parser *parser = sse_parser_new(&sink);
	size_t piece = first;
	size_t len;
	const char *id;

	for (size_t done = 0; done < c->len; done += piece, piece = step) {
		char *copy;

		if (piece > c->len - done)
			piece = c->len - done;
		copy = malloc(piece + 1);
		assert_non_null(copy);
		memmove(copy + 1, c->stream + done, piece);
		sse_parser_feed(parser, copy + 1, piece);
		free(copy);
	}
	sse_parser_end(parser);
	id = sse_parser_last_id(parser, &len);
	transcript_add(&transcript, "!", 1);
	transcript_add(&transcript, id, len);
	sse_parser_free(parser);
	assert_string_equal(transcript.text, c->expected);
}

static void
test_parse_case(void **state)
{
	const struct parse_case *c = *state;

	parse_in_pieces(c, c->len, 1);
	parse_in_pieces(c, 1, 1);
	for (size_t cut = 0; cut <= c->len; cut++)
		parse_in_pieces(c, cut, c->len);
}

static void
test_comment_cb(const char *text, size_t len, void *arg)
{
	transcript_add(arg, "<", 1);
	transcript_add(arg, text, len);
	transcript_add(arg, ">", 1);
}

static void
test_comments(void **state)
{
	struct transcript transcript = { .len = 0 };
	struct sse_sink sink = { NULL, NULL, test_comment_cb, &transcript };
	struct sse_parser *parser = sse_parser_new(&sink);
	static const char stream[] = ":\n: why\r\ndata: x\n\n:\r";

	(void)state;
	sse_parser_feed(parser, stream, sizeof(stream) - 1);
	sse_parser_free(parser);
	assert_string_equal(transcript.text, "<>< why><>");
}

/* A reconnect: the unfinished block is gone, a BOM counts again, the last
 * event ID is still known. */
static void
test_reconnect(void **state)
{
	static const char first[] = "id:1\ndata:a\n\nevent:x\nid:2\ndata:b\n\r";
	static const char second[] = "event:y\nid:3\ndata:lost";
	static const char third[] = "\xEF\xBB\xBF"
				    "data:c\n\n";
	struct transcript transcript = { .len = 0 };
	struct sse_sink sink = { transcript_event_cb, NULL, NULL, &transcript };
	struct sse_parser *parser = sse_parser_new(&sink);

	(void)state;
	sse_parser_feed(parser, first, sizeof(first) - 1);
	assert_int_equal(sse_parser_pending(parser), 0);
	sse_parser_feed(parser, second, sizeof(second) - 1);
	assert_int_equal(sse_parser_pending(parser), sizeof(second) - 1);
	sse_parser_end(parser);
	assert_int_equal(sse_parser_pending(parser), 0);
	sse_parser_feed(parser, third, sizeof(third) - 1);
	sse_parser_free(parser);
	assert_string_equal(transcript.text,
	    "message(a)#1 x(b)#2 message(c)#2 ");
}

int
main(void)
{
	static struct CMUnitTest tests[N_CASES + 2];

	for (size_t i = 0; i < N_CASES; i++) {
		tests[i].name = parse_cases[i].name;
		tests[i].test_func = test_parse_case;
		/* cmocka's state pointer is not const; the test's is. */
		memcpy(&tests[i].initial_state,
		    &(const void *){ &parse_cases[i] }, sizeof(void *));
	}
	tests[N_CASES] = (struct CMUnitTest)cmocka_unit_test(test_comments);
	tests[N_CASES + 1] =
	    (struct CMUnitTest)cmocka_unit_test(test_reconnect);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sse parser", tests, NULL, NULL);
}
