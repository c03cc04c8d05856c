/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>

#include "base/base64.h"

/* The six bits of a character, or -1. */
static int
base64_digit(char c, enum base64_form form)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || (c == '+' && form == BASE64_ANY))
		return 62;
	if (c == '_' || (c == '/' && form == BASE64_ANY))
		return 63;
	return -1;
}

static bool
base64_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The length without white space and at most two '=' at the end. */
static size_t
base64_trim(const char *text, size_t len)
{
	size_t padding = 0;

	for (; len > 0; len--) {
		if (text[len - 1] == '=' && padding < 2)
			padding++;
		else if (!base64_is_space(text[len - 1]))
			break;
	}
	return len;
}

ptrdiff_t
base64_decode(const char *text, size_t len, enum base64_form form,
    unsigned char *to)
{
	size_t i, digits = 0, n = 0;
	unsigned bits = 0;
	int digit;

	if (form == BASE64_ANY)
		len = base64_trim(text, len);
	for (i = 0; i < len; i++) {
		if (form == BASE64_ANY && base64_is_space(text[i]))
			continue;
		if ((digit = base64_digit(text[i], form)) == -1)
			return -1;
		bits = (bits << 6 | (unsigned)digit) & 0xfff;
		/* Of four digits, each but the first completes a byte. */
		switch (digits++ % 4) {
		case 1:
			to[n++] = (unsigned char)(bits >> 4);
			break;
		case 2:
			to[n++] = (unsigned char)(bits >> 2);
			break;
		case 3:
			to[n++] = (unsigned char)bits;
			break;
		default:
			break;
		}
	}
	if (digits % 4 == 1 || (digits % 4 == 2 && (bits & 0xf) != 0) ||
	    (digits % 4 == 3 && (bits & 0x3) != 0))
		return -1;
	return (ptrdiff_t)n;
}
