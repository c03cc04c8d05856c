/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* base/text.h: UTF-8, percent-encoding, numbers, escaping. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

const char *const fuzz_name = "text";

/* RFC 3629's table of well-formed sequences, written out. */
static bool
fuzz_is_utf8(const uint8_t *at, size_t len)
{
	static const struct {
		uint8_t from, to, second_from, second_to;
		size_t more;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 0 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 },
		{ 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	size_t row;

	while (len > 0) {
		for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
			if (*at >= rows[row].from && *at <= rows[row].to)
				break;
		}
		if (row == sizeof(rows) / sizeof(rows[0]) ||
		    rows[row].more >= len)
			return false;
		if (rows[row].more > 0 &&
		    (at[1] < rows[row].second_from ||
			at[1] > rows[row].second_to))
			return false;
		for (size_t i = 2; i <= rows[row].more; i++) {
			if (at[i] < 0x80 || at[i] > 0xbf)
				return false;
		}
		len -= 1 + rows[row].more;
		at += 1 + rows[row].more;
	}
	return true;
}

static void
fuzz_percent(const char *text, size_t len, bool plus)
{
	char *to = malloc(len > 0 ? len : 1);
	char *same = malloc(len > 0 ? len : 1);
	ptrdiff_t out;

	fuzz_check(to != NULL && same != NULL);
	out = text_percent_decode(text, len, plus, to);
	fuzz_check(out >= -1 && out <= (ptrdiff_t)len);
	if (len > 0)
		memcpy(same, text, len);
	fuzz_check(text_percent_decode(same, len, plus, same) == out);
	fuzz_check(out <= 0 || memcmp(to, same, (size_t)out) == 0);
	if (memchr(text, '%', len) == NULL)
		fuzz_check(out == (ptrdiff_t)len);
	free(to);
	free(same);
}

static void
fuzz_escape(const char *text, size_t len)
{
	static const size_t sizes[] = { 1, 2, 5, 16, 100 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *to = malloc(sizes[i]);
		size_t out;

		fuzz_check(to != NULL);
		out = text_escape(text, len, to, sizes[i]);
		fuzz_check(out < sizes[i] && to[out] == '\0');
		fuzz_check(strlen(to) == out);
		fuzz_check(fuzz_is_utf8((const uint8_t *)to, out));
		for (size_t c = 0; c < out; c++)
			fuzz_check((uint8_t)to[c] >= 0x20 && to[c] != 0x7f);
		free(to);
	}
}

static void
fuzz_number(const char *text, size_t len)
{
	uint64_t value = 77;
	char again[32];

	if (!text_parse_number(text, len, UINT64_MAX, &value))
		return;
	fuzz_check(len > 0);
	/* Leading zeros aside, it is what it says. */
	while (len > 1 && *text == '0') {
		text++;
		len--;
	}
	snprintf(again, sizeof(again), "%llu", (unsigned long long)value);
	fuzz_check(strlen(again) == len && memcmp(again, text, len) == 0);
	if (value > 0)
		fuzz_check(!text_parse_number(text, len, value - 1, &value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	const char *rest = text;
	size_t left = size;
	struct text_pair pair;

	fuzz_check(text_is_utf8(text, size) ==
	    fuzz_is_utf8((const uint8_t *)text, size));
	fuzz_percent(text, size, false);
	fuzz_percent(text, size, true);
	fuzz_escape(text, size);
	fuzz_number(text, size);
	while (text_next_pair(&rest, &left, &pair)) {
		fuzz_check(rest + left == text + size);
		fuzz_check(pair.name_len + pair.value_len <= size);
		fuzz_percent(pair.value, pair.value_len, true);
	}
	return 0;
}
