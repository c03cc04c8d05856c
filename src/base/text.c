/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/text.h"

bool
text_equals(struct text_span span, const char *word)
{
	return span.len == strlen(word) &&
	    memcmp(span.text, word, span.len) == 0;
}

/* Length of the well-formed UTF-8 sequence at p, or 0. */
static size_t
text_utf8_sequence(const unsigned char *p, size_t left)
{
	size_t n, i;
	unsigned low = 0x80, high = 0xbf;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	/* The second byte alone excludes overlong forms and surrogates. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* How many bytes at the front are ASCII: eight at a time, then one by one. */
static size_t
text_ascii_run(const char *text, size_t len)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof word <= len; i += sizeof word) {
		memcpy(&word, text + i, sizeof word);
		if (word & 0x8080808080808080U)
			break;
	}
	while (i < len && ((unsigned char)text[i] & 0x80) == 0)
		i++;
	return i;
}

bool
text_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i = 0, n;

	while (i < len) {
		i += text_ascii_run(text + i, len - i);
		if (i == len)
			break;
		if ((n = text_utf8_sequence(p + i, len - i)) == 0)
			return false;
		i += n;
	}
	return true;
}

static const char text_hex_digits[] = "0123456789abcdef";

static int
text_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that two digits are, or -1. */
static int
text_hex_byte(const char *text)
{
	int high = text_hex(text[0]), low = text_hex(text[1]);

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void
text_hex_encode(const char *bytes, size_t len, char *to)
{
	unsigned char c;

	for (; len > 0; len--) {
		c = (unsigned char)*bytes++;
		*to++ = text_hex_digits[c >> 4];
		*to++ = text_hex_digits[c & 15];
	}
}

ptrdiff_t
text_hex_decode(const char *text, size_t len, char *to)
{
	size_t i;
	int byte;

	if (len % 2 != 0)
		return -1;
	for (i = 0; i < len / 2; i++) {
		if ((byte = text_hex_byte(text + 2 * i)) == -1)
			return -1;
		to[i] = (char)byte;
	}
	return (ptrdiff_t)i;
}

ptrdiff_t
text_percent_decode(const char *text, size_t len, bool plus, char *to)
{
	size_t i, n = 0;
	int byte;

	for (i = 0; i < len; i++) {
		if (text[i] == '+' && plus) {
			to[n++] = ' ';
		} else if (text[i] != '%') {
			to[n++] = text[i];
		} else {
			if (len - i < 3 ||
			    (byte = text_hex_byte(text + i + 1)) == -1)
				return -1;
			to[n++] = (char)byte;
			i += 2;
		}
	}
	return (ptrdiff_t)n;
}

bool
text_next_pair(const char **rest, size_t *rest_len, struct text_pair *pair)
{
	const char *p, *amp, *eq;
	size_t len;

	do {
		if (*rest_len == 0)
			return false;
		p = *rest;
		amp = memchr(p, '&', *rest_len);
		len = amp == NULL ? *rest_len : (size_t)(amp - p);
		*rest += amp == NULL ? len : len + 1;
		*rest_len -= amp == NULL ? len : len + 1;
	} while (len == 0);
	eq = memchr(p, '=', len);
	pair->name = p;
	pair->name_len = eq == NULL ? len : (size_t)(eq - p);
	pair->value = eq == NULL ? p + len : eq + 1;
	pair->value_len = eq == NULL ? 0 : len - pair->name_len - 1;
	return true;
}

bool
text_parse_number(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t v = 0, digit;
	size_t i;

	if (len == 0)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		digit = (uint64_t)(text[i] - '0');
		if (digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

size_t
text_escape(const char *text, size_t len, char *to, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i = 0, n = 0, step;

	while (i < len) {
		step = text_utf8_sequence(p + i, len - i);
		/* U+0080 to U+009F are control characters too. */
		if (step == 0 || p[i] < 0x20 || p[i] == 0x7f || p[i] == '\\' ||
		    (p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			if (n + 4 >= size)
				break;
			to[n++] = '\\';
			to[n++] = 'x';
			to[n++] = text_hex_digits[p[i] >> 4];
			to[n++] = text_hex_digits[p[i] & 15];
			i++;
			continue;
		}
		if (n + step >= size)
			break;
		memcpy(to + n, text + i, step);
		n += step;
		i += step;
	}
	to[n] = '\0';
	return n;
}
