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

#include "base/text.h"
#include "door/gate.h"
#include "lib/support.h"

/*
 * Connections as a text of records: B begin (keep), b begin (not), u an
 * unknown role, A abort, P params of 4 bytes, p empty params, S stdin of 4
 * bytes, s empty stdin, V get values, M an unknown management record, D data,
 * x a record of version 2, e an end request, h a begin that is too short.
 * A digit before one is the request id (else 1); `+` is padding of 3 bytes.
 *
 * What comes out: R a request (with its id), E<id>:<status> an END_REQUEST,
 * V the values, U<type>, O over (close), X bad.
 */
enum {
	TEST_LIMIT = 1000,
	TEST_OUT = 256
};

static const struct gate_limits test_limits = { TEST_LIMIT, 10 };

static void
test_put(struct buffer *b, unsigned version, unsigned type, unsigned id,
    struct text_span content, unsigned padding)
{
	unsigned char head[8] = { (unsigned char)version, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(content.len >> 8), (unsigned char)content.len,
		(unsigned char)padding, 0 };

	assert_int_equal(buffer_append(b, head, 8), 0);
	assert_int_equal(buffer_append(b, content.text, content.len), 0);
	assert_int_equal(buffer_append(b, "pad", padding), 0);
}

static void
test_build(struct buffer *b, const char *text)
{
	static const struct {
		char letter;
		unsigned char version, type, is_management;
		const char *content;
		size_t len;
	} kinds[] = {
		{ 'B', 1, 1, 0, "\0\x01\x01\0\0\0\0\0", 8 },
		{ 'b', 1, 1, 0, "\0\x01\0\0\0\0\0\0", 8 },
		{ 'u', 1, 1, 0, "\0\x02\0\0\0\0\0\0", 8 },
		{ 'U', 1, 1, 0, "\0\x02\x01\0\0\0\0\0", 8 },
		{ 'W', 1, 1, 0, "\x01\x01\x01\0\0\0\0\0", 8 },
		{ 'h', 1, 1, 0, "\0\x01\x01\0\0\0\0", 7 },
		{ 'H', 1, 1, 0, "\0\x01\x01\0\0\0\0\0\0", 9 },
		{ 'A', 1, 2, 0, "", 0 },
		{ 'e', 1, 3, 0, "\0\0\0\0\0\0\0\0", 8 },
		{ 'P', 1, 4, 0,
		    "\x01\x01"
		    "ab",
		    4 },
		{ 'p', 1, 4, 0, "", 0 },
		{ 'S', 1, 5, 0, "body", 4 },
		{ 's', 1, 5, 0, "", 0 },
		{ 'o', 1, 6, 0, "out", 3 },
		{ 'D', 1, 8, 0, "", 0 },
		{ 'V', 1, 9, 1, "\x0f\0FCGI_MPXS_CONNS", 17 },
		{ 'M', 1, 77, 1, "", 0 },
		{ 'N', 1, 78, 0, "", 0 },
		{ 'x', 2, 4, 0, "", 0 },
		{ 'y', 0, 1, 0, "", 0 },
	};
	struct text_span content;
	unsigned id = 1, padding = 0;
	size_t i;

	for (; *text != '\0'; text++) {
		if (*text >= '0' && *text <= '9') {
			id = (unsigned)(*text - '0');
			continue;
		}
		if (*text == '+') {
			padding = 3;
			continue;
		}
		for (i = 0; kinds[i].letter != *text; i++)
			assert_true(i + 1 < sizeof kinds / sizeof *kinds);
		content.text = kinds[i].content;
		content.len = kinds[i].len;
		test_put(b, kinds[i].version, kinds[i].type,
		    kinds[i].is_management ? 0 : id, content, padding);
		id = 1;
		padding = 0;
	}
}

/* Writes what the gate answered, in letters. */
static void
test_read_out(struct buffer *out, char *have)
{
	const unsigned char *p;
	size_t len;

	while (out->len > 0) {
		p = (const unsigned char *)out->data;
		assert_true(out->len >= 8);
		assert_int_equal(p[0], 1);
		len = (size_t)(p[4] << 8 | p[5]);
		assert_true(out->len >= 8 + len);
		have += strlen(have);
		if (p[1] == 3)
			sprintf(have, "E%d:%d", p[2] << 8 | p[3], p[12]);
		else if (p[1] == 10)
			strcpy(have, "V");
		else if (p[1] == 11)
			sprintf(have, "U%d", p[8]);
		else
			fail_msg("record of type %d", p[1]);
		buffer_consume(out, 8 + len + p[6]);
	}
}

/* What was carried, if it was not too much. */
static void
test_check_request(const struct gate *g, const char *params, const char *body)
{
	if (g->params_too_large || g->body_too_large)
		params = body = "";
	assert_int_equal(g->params.len, strlen(params));
	assert_memory_equal(g->params.data, params, strlen(params));
	assert_int_equal(g->body.len, strlen(body));
	assert_memory_equal(g->body.data, body, strlen(body));
}

/* Feeds in pieces of step bytes. */
static void
test_run(const struct buffer *bytes, size_t step, char have[TEST_OUT])
{
	struct gate g = { 0 };
	struct buffer in = { 0 }, out = { 0 };
	enum gate_result result = GATE_MORE;
	size_t i, n;

	have[0] = '\0';
	for (i = 0; i < bytes->len; i += n) {
		n = bytes->len - i < step ? bytes->len - i : step;
		assert_int_equal(buffer_append(&in, bytes->data + i, n), 0);
		do {
			result = gate_feed(&g, &test_limits, &in, &out);
			test_read_out(&out, have);
			if (result != GATE_REQUEST)
				continue;
			sprintf(have + strlen(have), "R%d%s%s", g.request_id,
			    g.keep ? "k" : "",
			    g.params_too_large     ? "P"
				: g.body_too_large ? "S"
						   : "");
			gate_reset(&g);
		} while (result == GATE_REQUEST);
		if (result != GATE_MORE)
			break;
	}
	if (result != GATE_MORE)
		strcat(have, result == GATE_OVER ? "O" : "X");
	gate_reset(&g);
	buffer_clear(&in);
	buffer_clear(&out);
}

static void
test_assert(const struct buffer *bytes, const char *want, const char *what)
{
	char have[TEST_OUT];
	size_t step;

	for (step = 1; step <= bytes->len;
	     step = step < 20 ? step + 1 : step * 2) {
		test_run(bytes, step, have);
		if (strcmp(have, want) != 0)
			fail_msg("%s: %s instead of %s (by %zu bytes)", what,
			    have, want, step);
	}
	test_run(bytes, SIZE_MAX, have);
	assert_string_equal(have, want);
}

struct test_case {
	const char *records, *want;
};

static const struct test_case test_cases[] = {
	/* Whole requests. */
	{ "BPps", "R1k" },
	{ "bPps", "R1" },
	{ "Bps", "R1k" },
	{ "BPPPpSSs", "R1k" },
	{ "+B+P+p+S+s", "R1k" },
	{ "7B7P7p7s", "R7k" },
	{ "WPps", "E1:3" },
	/* Not whole yet. */
	{ "", "" },
	{ "B", "" },
	{ "BP", "" },
	{ "BPp", "" },
	{ "BPpS", "" },
	/* One after the other. */
	{ "BPpsBpSs", "R1kR1k" },
	{ "1BPps2B2P2p2s3b3p3s", "R1kR2kR3" },
	/* Another's request meanwhile is refused, and all of it skipped. */
	{ "1B2B1P2P1p2p2s1s", "E2:1R1k" },
	{ "1B2b1p1s", "E2:1R1k" },
	{ "1B2A1p1s", "R1k" },
	{ "1B2B2B1p1s", "E2:1E2:1R1k" },
	/* Of a request that is over or never began: skipped. */
	{ "P", "" },
	{ "ps", "" },
	{ "SsBPps", "R1k" },
	{ "BPpsSBps", "R1kR1k" },
	{ "A", "" },
	{ "ABps", "R1k" },
	/* Aborted at each place. */
	{ "BA", "E1:0" },
	{ "BPA", "E1:0" },
	{ "BPpA", "E1:0" },
	{ "BPpSA", "E1:0" },
	{ "bA", "E1:0O" },
	{ "bPpSA", "E1:0O" },
	{ "BPAps", "E1:0" },
	{ "BPABPps", "E1:0R1k" },
	{ "bPABPps", "E1:0O" },
	{ "1B2A1A", "E1:0" },
	/* Unknown roles. */
	{ "UPpsBPps", "E1:3R1k" },
	{ "u", "E1:3O" },
	{ "uPps", "E1:3O" },
	/* The wrong order. */
	{ "BB", "X" },
	{ "BPB", "X" },
	{ "BPpB", "X" },
	{ "BS", "X" },
	{ "Bs", "X" },
	{ "BPS", "X" },
	{ "BPpP", "X" },
	{ "BPpp", "X" },
	{ "BPpSp", "X" },
	{ "h", "X" },
	{ "H", "X" },
	{ "Bh", "X" },
	{ "1B2h", "X" },
	/* What an application is never sent. */
	{ "e", "X" },
	{ "o", "X" },
	{ "D", "X" },
	{ "BD", "X" },
	{ "BPpSo", "X" },
	{ "N", "X" },
	{ "BPpsN", "R1kX" },
	/* About the connection, at any moment. */
	{ "V", "V" },
	{ "M", "U77" },
	{ "VBVPMpVSMs", "VVU77VU77R1k" },
	{ "BPpsVMBps", "R1kVU77R1k" },
	{ "VVVVVVVV", "VVVVVVVV" },
	/* Request id 0 is not a request's. */
	{ "0B", "U1" },
	{ "0P", "U4" },
	{ "B0Ap0ss", "U2U5R1k" },
	/* Another version. */
	{ "x", "X" },
	{ "y", "X" },
	{ "Bx", "X" },
	{ "BPpsx", "R1kX" },
	{ "Vx", "VX" },
};

static void
test_orders(void **state)
{
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_cases / sizeof *test_cases; i++) {
		test_build(&b, test_cases[i].records);
		test_assert(&b, test_cases[i].want, test_cases[i].records);
		buffer_truncate(&b, 0);
	}
	buffer_clear(&b);
}

/* The first byte is enough to see that it is not FastCGI. */
static void
test_not_fastcgi(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n\r\n",
		"\x16\x03", "\x02", "\xff" };
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof *texts; i++) {
		buffer_append_text(&b, texts[i]);
		test_assert(&b, "X", texts[i]);
		buffer_truncate(&b, 1);
		test_assert(&b, "X", texts[i]);
		buffer_truncate(&b, 0);
	}
	buffer_append(&b, "\0", 1);
	test_assert(&b, "X", "0");
	buffer_clear(&b);
}

/* The content of records of this type, in pieces. */
static void
test_put_pieces(struct buffer *b, unsigned type, const char *content,
    size_t len, size_t piece)
{
	struct text_span part = { content, 0 };

	for (; len > 0; len -= part.len, part.text += part.len) {
		part.len = len < piece ? len : piece;
		test_put(b, 1, type, 1, part, 0);
	}
}

/* A request with so much in PARAMS (one pair) and STDIN, and another. */
static void
test_build_sized(struct buffer *b, size_t params, size_t body, size_t piece)
{
	char *content = calloc(1, 6 + params + body);

	assert_non_null(content);
	assert_true(params == 0 || params >= 6);
	test_build(b, "B");
	content[0] = 1;
	content[1] = (char)(0x80 | (params - 6) >> 24);
	content[2] = (char)((params - 6) >> 16);
	content[3] = (char)((params - 6) >> 8);
	content[4] = (char)(params - 6);
	test_put_pieces(b, 4, content, params, piece);
	test_build(b, "p");
	test_put_pieces(b, 5, content, body, piece);
	test_build(b, "sBps");
	free(content);
}

static void
test_sizes(void **state)
{
	static const struct {
		size_t params, body;
		const char *want;
	} cases[] = {
		{ TEST_LIMIT - 1, 0, "R1kR1k" },
		{ TEST_LIMIT, 0, "R1kR1k" },
		{ TEST_LIMIT + 1, 0, "R1kPR1k" },
		{ 0, TEST_LIMIT - 1, "R1kR1k" },
		{ 0, TEST_LIMIT, "R1kR1k" },
		{ 0, TEST_LIMIT + 1, "R1kSR1k" },
		{ TEST_LIMIT / 2, TEST_LIMIT / 2 - 1, "R1kR1k" },
		{ TEST_LIMIT / 2, TEST_LIMIT / 2, "R1kR1k" },
		{ TEST_LIMIT / 2, TEST_LIMIT / 2 + 1, "R1kSR1k" },
		{ TEST_LIMIT, 1, "R1kSR1k" },
		{ (size_t)50 * TEST_LIMIT, 0, "R1kPR1k" },
		{ 0, (size_t)50 * TEST_LIMIT, "R1kSR1k" },
	};
	static const size_t pieces[] = { 7, TEST_LIMIT, 65535 };
	struct buffer b = { 0 };
	char have[TEST_OUT];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (k = 0; k < sizeof pieces / sizeof *pieces; k++) {
			test_build_sized(&b, cases[i].params, cases[i].body,
			    pieces[k]);
			test_run(&b, SIZE_MAX, have);
			assert_string_equal(have, cases[i].want);
			test_run(&b, 997, have);
			assert_string_equal(have, cases[i].want);
			buffer_clear(&b);
		}
	}
}

/*
 * What libfcgi is given must add up: it trusts the lengths, and allocates what
 * they say.
 */
static void
test_pairs(void **state)
{
	static const struct {
		const char *params;
		size_t len;
		const char *want;
	} cases[] = {
		{ "", 0, "R1k" },
		{ "\0\0", 2, "R1k" },
		{ "\x01\0n", 3, "R1k" },
		{ "\0\x01v", 3, "R1k" },
		{ "\x01\x02nvw\x02\x01nmv", 10, "R1k" },
		{ "\x80\0\0\x01\x80\0\0\x02nvw", 11, "R1k" },
		{ "\x01\x80\0\0\x02nvw", 8, "R1k" },
		{ "\x7f\x7f", 2, "X" },
		{ "\0", 1, "X" },
		{ "\x01", 1, "X" },
		{ "\x80", 1, "X" },
		{ "\x80\0", 2, "X" },
		{ "\x80\0\0", 3, "X" },
		{ "\x80\0\0\x01", 4, "X" },
		{ "\x01\x80\0\0", 4, "X" },
		{ "\x01\x01", 2, "X" },
		{ "\x01\x01n", 3, "X" },
		{ "\x01\x01nv\0", 5, "X" },
		{ "\x01\x01nv\x01\x01n", 7, "X" },
		/* 996 and 4, at the limit, are only not there yet. */
		{ "\x80\0\x03\xe4\x04"
		  "abc",
		    8, "X" },
		{ "\x80\0\x03\xe4\x05", 5, "R1kP" },
		{ "\x80\0\x03\xe9\0", 5, "R1kP" },
		{ "\0\x80\0\x03\xe9", 5, "R1kP" },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "R1kP" },
		{ "\xff\xff\xff\xff\x01", 5, "R1kP" },
		{ "\x01\xff\xff\xff\xff", 5, "R1kP" },
		{ "\x01\x01nv\x81\0\0\0\0\x01\x01", 11, "R1kP" },
	};
	struct buffer b = { 0 };
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* Cut into records anywhere, within a length too. */
		for (piece = 1; piece <= 12; piece++) {
			test_build(&b, "B");
			test_put_pieces(&b, 4, cases[i].params, cases[i].len,
			    piece);
			test_build(&b, "ps");
			test_assert(&b, cases[i].want, "pairs");
			buffer_truncate(&b, 0);
		}
	}
	buffer_clear(&b);
}

static void
test_carried(void **state)
{
	static const struct {
		const char *records, *params, *body;
	} cases[] = {
		{ "Bps", "", "" },
		{ "BPps",
		    "\x01\x01"
		    "ab",
		    "" },
		{ "BP+PVpSMs",
		    "\x01\x01"
		    "ab"
		    "\x01\x01"
		    "ab",
		    "body" },
		{ "1B2B1P2P1p2p2S1S2s1S1s",
		    "\x01\x01"
		    "ab",
		    "bodybody" },
		{ "BPpSABPps",
		    "\x01\x01"
		    "ab",
		    "" },
		{ "UPpSsBps", "", "" },
	};
	struct gate g = { 0 };
	struct buffer in = { 0 }, out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		test_build(&in, cases[i].records);
		assert_int_equal(gate_feed(&g, &test_limits, &in, &out),
		    GATE_REQUEST);
		test_check_request(&g, cases[i].params, cases[i].body);
		assert_int_equal(in.len, 0);
		gate_reset(&g);
		assert_int_equal(g.phase, GATE_IDLE);
		assert_int_equal(g.params.len + g.body.len, 0);
	}
	buffer_clear(&in);
	buffer_clear(&out);
}

/*
 * Whatever a peer sends, no more than the limit is kept of it: what is too
 * large is dropped as it comes, and headers and padding are not kept.
 */
static void
test_memory(void **state)
{
	static const char padding[255];
	const struct text_span nul = { "", 1 };
	struct gate g = { 0 };
	struct buffer in = { 0 }, out = { 0 };
	size_t i, most = 0, held;

	(void)state;
	test_build(&in, "B");
	for (i = 0; i < (size_t)10 * TEST_LIMIT; i++) {
		test_put(&in, 1, 4, 1, nul, 0);
		in.data[in.len - 3] = (char)255;
		assert_int_equal(buffer_append(&in, padding, 255), 0);
		assert_int_equal(gate_feed(&g, &test_limits, &in, &out),
		    GATE_MORE);
		assert_int_equal(in.len, 0);
		held = g.params.cap + g.body.cap;
		most = held > most ? held : most;
	}
	assert_true(g.params_too_large);
	assert_int_equal(g.params.len + g.body.len, 0);
	assert_true(most >= TEST_LIMIT);
	assert_true(most <= (size_t)4 * TEST_LIMIT);
	gate_reset(&g);
	buffer_clear(&in);
	buffer_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_not_fastcgi),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
