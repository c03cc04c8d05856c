/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* How a poll ends (polls.h): apart, for it can be tested without a network. */

#include <string.h>

#include "base/text.h"
#include "doctor/polls.h"

/* The last line of a text; *len becomes the length of the text before it. */
static const char *
polls_last_line(const char *text, size_t *len, size_t *line_len)
{
	size_t end = *len, begin;

	while (end > 0 && text[end - 1] == '\n')
		end--;
	for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
		;
	*len = begin;
	*line_len = end - begin;
	return text + begin;
}

/*
 * A poll ends with a position and then a time; a stream begins with a time and
 * then a position.
 */
bool
polls_is_end(const struct http_stream *s, uint64_t *retry_ms)
{
	static const char retry[] = "retry: ", id[] = "id: ";
	const size_t n = sizeof retry - 1, m = sizeof id - 1;
	size_t len = s->tail_len, line_len;
	const char *line;

	if (!s->ended || s->why[0] != '\0' || s->end[0] != '\0' ||
	    s->tail_len == 0 || s->tail[s->tail_len - 1] != '\n')
		return false;
	line = polls_last_line(s->tail, &len, &line_len);
	if (line_len <= n || memcmp(line, retry, n) != 0 ||
	    !text_parse_number(line + n, line_len - n, UINT32_MAX, retry_ms))
		return false;
	line = polls_last_line(s->tail, &len, &line_len);
	return line_len > m && memcmp(line, id, m) == 0;
}
