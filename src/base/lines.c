/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/lines.h"

/* The bytes without a CR at their end, which the line's end may begin with. */
static size_t
lines_text_length(const struct buffer *in, size_t len)
{
	return len > 0 && in->data[len - 1] == '\r' ? len - 1 : len;
}

/* The buffer has no newline. */
static enum lines_found
lines_wait(struct lines *l, struct buffer *in, size_t max)
{
	bool was_skipping = l->is_skipping;

	l->scanned = in->len;
	if (!was_skipping && lines_text_length(in, in->len) <= max)
		return LINES_NONE;
	buffer_consume(in, in->len);
	l->scanned = 0;
	l->is_skipping = true;
	return was_skipping ? LINES_NONE : LINES_LONG;
}

enum lines_found
lines_find(struct lines *l, struct buffer *in, size_t max, bool is_end,
    struct text_span *line)
{
	const char *newline = NULL;
	size_t len;

	*line = (struct text_span){ 0 };
	l->found = 0;
	if (in->len > l->scanned)
		newline =
		    memchr(in->data + l->scanned, '\n', in->len - l->scanned);
	if (newline == NULL && (!is_end || in->len == 0))
		return lines_wait(l, in, max);
	len = newline == NULL ? in->len : (size_t)(newline - in->data);
	if (lines_text_length(in, len) > max && !l->is_skipping) {
		l->is_skipping = true;
		return LINES_LONG;
	}
	l->found = len + (newline == NULL ? 0 : 1);
	if (l->is_skipping)
		return LINES_LONG_END;
	line->text = in->data;
	line->len = lines_text_length(in, len);
	return LINES_WHOLE;
}

void
lines_cut(struct lines *l, struct buffer *in, size_t n)
{
	buffer_consume(in, n);
	l->scanned = 0;
}

void
lines_pass(struct lines *l, struct buffer *in)
{
	if (l->found == 0)
		return;
	lines_cut(l, in, l->found);
	l->found = 0;
	l->is_skipping = false;
}
