/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_TEXT_H
#define CRIER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else, without a NUL at their end. */
struct text_span {
	const char *text;
	size_t len;
};

/* Whether the bytes are just this word. */
bool text_equals(struct text_span, const char *word);

/* Whether the text is UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(const char *text, size_t len);

/*
 * Decodes %XX (and '+' as a space if plus) from text into to, which has room
 * for len bytes and may be text itself.  Returns the decoded length, or -1
 * for a '%' that two hexadecimal digits do not follow (RFC 3986, 2.1).
 */
ptrdiff_t
text_percent_decode(const char *text, size_t len, bool plus, char *to);

/*
 * Bytes as hexadecimal digits, two for each: encoding needs twice the room, and
 * writes small letters; decoding needs half of it, and returns how many bytes
 * there are, or -1 for what is no such text.
 */
void text_hex_encode(const char *bytes, size_t len, char *to);
ptrdiff_t text_hex_decode(const char *text, size_t len, char *to);

/*
 * The next NAME=VALUE of a query string or form body, not yet decoded.
 * *rest and *rest_len move behind it.  False at the end.
 */
struct text_pair {
	const char *name, *value;
	size_t name_len, value_len;
};
bool text_next_pair(const char **rest, size_t *rest_len, struct text_pair *);

/* A decimal number without sign or spaces in [0, max]; false for all else. */
bool
text_parse_number(const char *text, size_t len, uint64_t max, uint64_t *value);

/*
 * Copies text so that it may stand in a log line or on a terminal: control
 * bytes, backslash and what is not UTF-8 become \xNN.  Cuts at the end of to.
 * Always terminates to (size > 0); returns the length written.
 */
size_t text_escape(const char *text, size_t len, char *to, size_t size);

#endif
