/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "protocol/id.h"

int
id_cmp(struct id a, struct id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return 0;
}

struct id
id_next(struct id last, uint64_t now_ms)
{
	struct id id = { .ms = now_ms, .n = 0 };

	if (now_ms > last.ms)
		return id;
	id.ms = last.ms;
	id.n = last.n + 1;
	if (id.n == 0)
		id.ms++;
	return id;
}

static size_t
id_format_number(uint64_t v, char *to)
{
	char digits[20];
	size_t n = 0, i;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

size_t
id_format(struct id id, char text[ID_TEXT_SIZE])
{
	size_t n = id_format_number(id.ms, text);

	text[n++] = '-';
	n += id_format_number(id.n, text + n);
	text[n] = '\0';
	return n;
}

/* Digits up to end; false if there are none, others, or too many. */
static bool
id_parse_number(const char *p, const char *end, uint64_t *v)
{
	uint64_t digit;

	*v = 0;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		digit = (uint64_t)(*p - '0');
		if (*v > (UINT64_MAX - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	return true;
}

bool
id_parse(const char *text, size_t len, struct id *id)
{
	const char *dash;

	if (len == 0 || (dash = memchr(text, '-', len)) == NULL)
		return false;
	return id_parse_number(text, dash, &id->ms) &&
	    id_parse_number(dash + 1, text + len, &id->n);
}
