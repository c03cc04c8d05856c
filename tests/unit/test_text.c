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
#include "lib/support.h"

static const struct {
	const char *text;
	size_t len; /* 0: strlen */
	int good;
} test_utf8_cases[] = {
	{ "", 0, 1 },
	{ "a", 0, 1 },
	{ "\0", 1, 1 },
	{ "\x7f", 0, 1 },
	{ "\x80", 0, 0 }, /* a continuation alone */
	{ "\xbf", 0, 0 },
	{ "\xc0\x80", 0, 0 }, /* overlong NUL */
	{ "\xc1\xbf", 0, 0 },
	{ "\xc2\x80", 0, 1 },
	{ "\xdf\xbf", 0, 1 },
	{ "\xc2", 0, 0 }, /* cut */
	{ "\xc2\x41", 0, 0 },
	{ "\xe0\x80\x80", 0, 0 },
	{ "\xe0\x9f\xbf", 0, 0 },
	{ "\xe0\xa0\x80", 0, 1 },
	{ "\xe2\x82\xac", 0, 1 },
	{ "\xe2\x82", 0, 0 },
	{ "\xe2", 0, 0 },
	{ "\xed\x9f\xbf", 0, 1 },
	{ "\xed\xa0\x80", 0, 0 }, /* surrogates */
	{ "\xed\xaf\xbf\xed\xb0\x80", 0, 0 },
	{ "\xed\xbf\xbf", 0, 0 },
	{ "\xee\x80\x80", 0, 1 },
	{ "\xef\xbb\xbf", 0, 1 }, /* byte order mark */
	{ "\xef\xbf\xbe\xef\xbf\xbf", 0, 1 },
	{ "\xf0\x80\x80\x80", 0, 0 },
	{ "\xf0\x8f\xbf\xbf", 0, 0 },
	{ "\xf0\x90\x80\x80", 0, 1 },
	{ "\xf0\x9f\x98\x80", 0, 1 },
	{ "\xf0\x9f\x98", 0, 0 },
	{ "\xf0\x9f", 0, 0 },
	{ "\xf0", 0, 0 },
	{ "\xf4\x8f\xbf\xbf", 0, 1 }, /* U+10FFFF */
	{ "\xf4\x90\x80\x80", 0, 0 },
	{ "\xf5\x80\x80\x80", 0, 0 },
	{ "\xf8\x88\x80\x80\x80", 0, 0 },
	{ "\xfc\x84\x80\x80\x80\x80", 0, 0 },
	{ "\xfe", 0, 0 },
	{ "\xff", 0, 0 },
};

/* At every place of a word, and before the end of it. */
static void
test_utf8_case(size_t number, const char *at, size_t len, int good)
{
	char text[64];
	size_t before, after;

	for (before = 0; before < 18; before++) {
		for (after = 0; after < 10; after++) {
			memset(text, 'x', sizeof text);
			memcpy(text + before, at, len);
			if (text_is_utf8(support_guard(text,
					     before + len + after),
				before + len + after) != good)
				fail_msg("case %zu at %zu", number, before);
		}
	}
}

static void
test_utf8_table(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof test_utf8_cases / sizeof *test_utf8_cases; i++) {
		len = test_utf8_cases[i].len;
		if (len == 0)
			len = strlen(test_utf8_cases[i].text);
		test_utf8_case(i, test_utf8_cases[i].text, len,
		    test_utf8_cases[i].good);
	}
}

/* By arithmetic (RFC 3629, 3): whether these bytes are one character. */
static int
test_is_character(const unsigned char *p, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const unsigned lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	uint32_t c;
	size_t i;

	if (p[0] < lead[len] || p[0] - lead[len] >= 1U << (7 - len))
		return 0;
	c = p[0] - lead[len];
	for (i = 1; i < len; i++) {
		if (p[i] / 64 != 2)
			return 0;
		c = c * 64 + p[i] % 64;
	}
	return c >= least[len] && c <= 0x10ffff && c / 0x800 != 0x1b;
}

static void
test_utf8_all(void **state)
{
	enum {
		TEST_ENDS = 7
	};
	static const unsigned char ends[TEST_ENDS] = { 0x00, 0x7f, 0x80, 0xa0,
		0xbf, 0xc0, 0xff };
	unsigned char p[4];
	unsigned a, b, i, j, count = 0;

	(void)state;
	for (a = 0x80; a < 0x100; a++) {
		for (b = 0; b < 0x100; b++) {
			p[0] = (unsigned char)a;
			p[1] = (unsigned char)b;
			assert_int_equal(text_is_utf8((char *)p, 2),
			    test_is_character(p, 2));
			for (i = 0; i < 0x100; i++) {
				p[2] = (unsigned char)i;
				count +=
				    a >= 0xe0 && text_is_utf8((char *)p, 3);
			}
			for (i = 0; i < TEST_ENDS * TEST_ENDS; i++) {
				j = i / TEST_ENDS;
				p[2] = ends[j];
				p[3] = ends[i % TEST_ENDS];
				if (a >= 0xf0)
					assert_int_equal(text_is_utf8((char *)p,
							     4),
					    test_is_character(p, 4));
			}
		}
	}
	/* U+0800 to U+FFFF but for the surrogates. */
	assert_int_equal(count, 0x10000 - 0x800 - 0x800);
}

static void
test_percent(void **state)
{
	static const struct {
		const char *text;
		int plus;
		const char *want; /* NULL: malformed */
		size_t len;       /* 0: strlen */
	} cases[] = {
		{ "", 0, "", 0 },
		{ "abc", 0, "abc", 0 },
		{ "a%20b", 0, "a b", 0 },
		{ "%41%5a%7a", 0, "AZz", 0 },
		{ "%4a%4A", 0, "JJ", 0 },
		{ "%00", 0, "\0", 1 },
		{ "%fF", 0, "\xff", 0 },
		{ "a+b", 0, "a+b", 0 },
		{ "a+b", 1, "a b", 0 },
		{ "a%2Bb", 1, "a+b", 0 },
		{ "%2520", 0, "%20", 0 },
		{ "%", 0, NULL, 0 },
		{ "%2", 0, NULL, 0 },
		{ "a%", 0, NULL, 0 },
		{ "a%2", 0, NULL, 0 },
		{ "%g0", 0, NULL, 0 },
		{ "%0g", 0, NULL, 0 },
		{ "%/0", 0, NULL, 0 },
		{ "%:0", 0, NULL, 0 },
		{ "%@0", 0, NULL, 0 },
		{ "%G0", 0, NULL, 0 },
		{ "%`0", 0, NULL, 0 },
		{ "%%41", 0, NULL, 0 },
		{ "% 41", 0, NULL, 0 },
		{ "%+1", 1, NULL, 0 },
		{ "%-1", 0, NULL, 0 },
		{ "%\x80\x80", 0, NULL, 0 },
		{ "\xc3\xa4%C3%A4", 0, "\xc3\xa4\xc3\xa4", 0 },
	};
	char to[64], in_place[64];
	size_t i, len, want;
	ptrdiff_t n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = strlen(cases[i].text);
		n = text_percent_decode(support_guard(cases[i].text, len), len,
		    cases[i].plus, to);
		memcpy(in_place, cases[i].text, len + 1);
		assert_int_equal(text_percent_decode(in_place, len,
				     cases[i].plus, in_place),
		    n);
		if (cases[i].want == NULL) {
			if (n != -1)
				fail_msg("%s", cases[i].text);
			continue;
		}
		want = cases[i].len == 0 ? strlen(cases[i].want) : cases[i].len;
		if (n != (ptrdiff_t)want ||
		    memcmp(to, cases[i].want, want) != 0 ||
		    memcmp(in_place, cases[i].want, want) != 0)
			fail_msg("%s", cases[i].text);
	}
}

static void
test_pairs(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "a", "[a:]" },
		{ "a=", "[a:]" },
		{ "=", "[:]" },
		{ "=v", "[:v]" },
		{ "a=b", "[a:b]" },
		{ "a=b=c", "[a:b=c]" },
		{ "a=b&c=d", "[a:b][c:d]" },
		{ "&a=b&&c&", "[a:b][c:]" },
		{ "&&&", "" },
		{ "a=1&a=2", "[a:1][a:2]" },
		{ "a;b=1;c", "[a;b:1;c]" },
		{ "%61=%26&x", "[%61:%26][x:]" },
		{ "a==&b", "[a:=][b:]" },
	};
	struct text_pair pair;
	const char *rest;
	char have[128];
	size_t i, len, n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = strlen(cases[i].text);
		rest = support_guard(cases[i].text, len);
		n = 0;
		have[0] = '\0';
		while (text_next_pair(&rest, &len, &pair))
			n += (size_t)snprintf(have + n, sizeof have - n,
			    "[%.*s:%.*s]", (int)pair.name_len, pair.name,
			    (int)pair.value_len, pair.value);
		assert_string_equal(have, cases[i].want);
		assert_int_equal(len, 0);
	}
}

static void
test_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int good;
		uint64_t want;
	} cases[] = {
		{ "0", 0, 1, 0 },
		{ "1", 0, 0, 0 },
		{ "0", 9, 1, 0 },
		{ "9", 9, 1, 9 },
		{ "10", 9, 0, 0 },
		{ "00009", 9, 1, 9 },
		{ "99", 100, 1, 99 },
		{ "100", 100, 1, 100 },
		{ "101", 100, 0, 0 },
		{ "1000", 100, 0, 0 },
		{ "4095", 4096, 1, 4095 },
		{ "4096", 4096, 1, 4096 },
		{ "4097", 4096, 0, 0 },
		{ "4294967295", UINT32_MAX, 1, UINT32_MAX },
		{ "4294967296", UINT32_MAX, 0, 0 },
		{ "18446744073709551615", UINT64_MAX, 1, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, 0, 0 },
		{ "18446744073709551620", UINT64_MAX, 0, 0 },
		{ "99999999999999999999999", UINT64_MAX, 0, 0 },
		{ "", 9, 0, 0 },
		{ " 1", 9, 0, 0 },
		{ "1 ", 9, 0, 0 },
		{ "+1", 9, 0, 0 },
		{ "-1", 9, 0, 0 },
		{ "-0", 9, 0, 0 },
		{ "0x1", 99, 0, 0 },
		{ "1e1", 99, 0, 0 },
		{ "1.0", 99, 0, 0 },
		{ "1\n", 99, 0, 0 },
		{ "/", 99, 0, 0 },
		{ ":", 99, 0, 0 },
		{ "\xb2", 99, 0, 0 },
	};
	uint64_t value;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = strlen(cases[i].text);
		value = 77;
		if (text_parse_number(support_guard(cases[i].text, len), len,
			cases[i].max, &value) != cases[i].good)
			fail_msg("%s", cases[i].text);
		assert_int_equal(value, cases[i].good ? cases[i].want : 77);
	}
	assert_false(text_parse_number("1\0", 2, 99, &value));
}

static const struct {
	const char *text;
	size_t len; /* 0: strlen */
	const char *want;
} test_escapes[] = {
	{ "", 0, "" },
	{ "plain ~", 0, "plain ~" },
	{ "a\nb", 0, "a\\x0ab" },
	{ "\r\t\x1b[31m", 0, "\\x0d\\x09\\x1b[31m" },
	{ "\x7f", 0, "\\x7f" },
	{ "\0x", 2, "\\x00x" },
	{ "a\\b", 0, "a\\x5cb" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0,
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
	/* Control characters that are two bytes long. */
	{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", 0,
	    "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0" },
	{ "\xff\xfe", 0, "\\xff\\xfe" },
	{ "\xe2\x82", 0, "\\xe2\\x82" },
	{ "x\xc2", 0, "x\\xc2" },
	{ "\xed\xa0\x80", 0, "\\xed\\xa0\\x80" },
	{ "\xc0\x8a", 0, "\\xc0\\x8a" },
};

static void
test_escape(void **state)
{
	const size_t count = sizeof test_escapes / sizeof *test_escapes;
	char to[64];
	size_t i, n, len, full, size;
	const char *text, *want;

	(void)state;
	for (i = 0; i < count; i++) {
		want = test_escapes[i].want;
		full = strlen(want);
		len = test_escapes[i].len == 0 ? strlen(test_escapes[i].text)
					       : test_escapes[i].len;
		text = support_guard(test_escapes[i].text, len);
		for (size = 1; size < sizeof to; size++) {
			memset(to, '!', sizeof to);
			n = text_escape(text, len, to, size);
			assert_true(n < size);
			assert_int_equal(to[n], '\0');
			assert_int_equal(to[size], '!');
			assert_memory_equal(to, want, n);
			/* Cut between two characters, and no sooner. */
			assert_true(text_is_utf8(to, n));
			assert_true(n == full || n + 4 >= size);
			assert_true(size <= full || n == full);
		}
	}
}

/* No \x may be left with one or no digit behind it. */
static void
test_escape_cut(void **state)
{
	char to[16];
	size_t size;

	(void)state;
	for (size = 1; size < sizeof to; size++) {
		text_escape("\n\n\n\n", 4, to, size);
		assert_int_equal(strlen(to), (size - 1) / 4 * 4);
		text_escape("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
		    12, to, size);
		assert_int_equal(strlen(to),
		    (size - 1) / 3 * 3 > 12 ? 12 : (size - 1) / 3 * 3);
	}
}

static void
test_hex(void **state)
{
	static const char *const wrong[] = { "0", "0g", "g0", "0 ", "012" };
	char bytes[256], digits[512], back[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	text_hex_encode(bytes, sizeof bytes, digits);
	assert_memory_equal(digits + (size_t)2 * 0xa9, "a9", 2);
	assert_int_equal(text_hex_decode(digits, sizeof digits, back), 256);
	assert_memory_equal(back, bytes, sizeof bytes);
	assert_int_equal(text_hex_decode("aBCd", 4, back), 2);
	assert_memory_equal(back, "\xab\xcd", 2);
	assert_int_equal(text_hex_decode("", 0, back), 0);
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(text_hex_decode(wrong[i], strlen(wrong[i]),
				     back),
		    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_table),
		cmocka_unit_test(test_utf8_all),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
