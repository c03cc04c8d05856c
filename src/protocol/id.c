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

/*
 * Two digits at a time, from the last on: every event has an id to be written.
 */
static size_t
id_format_number(uint64_t v, char *to)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	char digits[20], *p = digits + sizeof digits;
	size_t n;

	for (; v >= 100; v /= 100)
		memcpy(p -= 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(p -= 2, pairs + v * 2, 2);
	else
		*--p = (char)('0' + v);
	n = (size_t)(digits + sizeof digits - p);
	memcpy(to, p, n);
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
