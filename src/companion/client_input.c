/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "companion/client_input.h"

enum {
	INPUT_CHUNK = 128 * 1024 /* of one read */
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

/* What a line counts as; a blank one as none. */
static enum client_input_result
client_input_judge(struct client_input *i, const char *line, size_t len)
{
	i->number++;
	if (len > i->line_max)
		return CLIENT_INPUT_LONG;
	if (!i->keep_blank && client_input_is_blank(line, len))
		return CLIENT_INPUT_NONE;
	return CLIENT_INPUT_LINE;
}

/* The rest of what was read has no newline. */
static enum client_input_result
client_input_rest(struct client_input *i, const char **line, size_t *len)
{
	bool skipping = i->skipping;

	i->scanned = i->in.len;
	if (!i->eof && !skipping && i->in.len <= i->line_max)
		return CLIENT_INPUT_NONE;
	*line = i->in.data;
	*len = i->in.len;
	buffer_consume(&i->in, i->in.len);
	i->scanned = 0;
	i->skipping = !i->eof;
	return skipping ? CLIENT_INPUT_NONE
			: client_input_judge(i, *line, *len);
}

enum client_input_result
client_input_next(struct client_input *i, const char **line, size_t *len)
{
	enum client_input_result result = CLIENT_INPUT_NONE;
	const char *newline;

	while (result == CLIENT_INPUT_NONE && i->in.len > 0) {
		newline = memchr(i->in.data + i->scanned, '\n',
		    i->in.len - i->scanned);
		if (newline == NULL)
			return client_input_rest(i, line, len);
		*line = i->in.data;
		*len = (size_t)(newline - i->in.data);
		buffer_consume(&i->in, *len + 1);
		i->scanned = 0;
		if (i->skipping)
			i->skipping = false;
		else
			result = client_input_judge(i, *line, *len);
	}
	return result;
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
