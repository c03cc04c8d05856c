/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "companion/client_input.h"

enum {
	INPUT_CHUNK = 128 * 1024 /* bytes of one read */
};

static bool
client_input_is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0')
			return false;
	return true;
}

enum client_input_result
client_input_next(struct client_input *i, const char **line, size_t *len)
{
	enum lines_found found;
	struct text_span next;

	while ((found = lines_find(&i->lines, &i->in, i->line_max, i->eof,
		    &next)) != LINES_NONE) {
		lines_pass(&i->lines, &i->in);
		if (found == LINES_LONG_END)
			continue;
		i->number++;
		if (found == LINES_LONG)
			return CLIENT_INPUT_LONG;
		if (!i->keep_blank &&
		    client_input_is_blank(next.text, next.len))
			continue;
		*line = next.text;
		*len = next.len;
		return CLIENT_INPUT_LINE;
	}
	return CLIENT_INPUT_NONE;
}

int
client_input_read(struct client_input *i)
{
	char *to = buffer_reserve(&i->in, INPUT_CHUNK);
	ssize_t n = to == NULL ? -1 : read(i->fd, to, INPUT_CHUNK);

	if (n > 0)
		buffer_commit(&i->in, (size_t)n);
	else if (n == 0)
		i->eof = true;
	else if (to == NULL || (errno != EINTR && errno != EAGAIN))
		return -1;
	return 0;
}

bool
client_input_is_done(const struct client_input *i)
{
	return i->fd == -1 || (i->eof && i->in.len == 0);
}

void
client_input_clear(struct client_input *i)
{
	buffer_clear(&i->in);
}
