/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/framing.h"
#include "hub/state.h"
#include "hub/stream_input.h"

enum {
	STREAM_INPUT_READ_BYTES = 4096,
	STREAM_INPUT_MAX = 131072, /* a record, and then some */
};

int
stream_input_add(struct stream *s, const char *data, size_t len)
{
	if (s->input == NULL &&
	    (s->input = calloc(1, sizeof *s->input)) == NULL)
		return -1;
	if (s->input->len + len > STREAM_INPUT_MAX)
		return -1;
	return buffer_append(s->input, data, len);
}

int
stream_input_show(struct stream *s)
{
	ptrdiff_t done;

	while (s->input->len > 0 && s->state <= STREAM_LAST_EVENTS) {
		done = s->framing->input(s->framing->arg, s, s->input->data,
		    s->input->len);
		if (done == -1)
			return -1;
		if (done == 0)
			return 0;
		buffer_consume(s->input, (size_t)done);
	}
	if (s->state != STREAM_DEAD && s->input->len == 0) {
		buffer_clear(s->input);
		free(s->input);
		s->input = NULL;
	}
	return 0;
}

/*
 * Sends the end of the response to a peer that has shut down its side, for its
 * client is gone: lighttpd logs an error without it.
 */
static void
stream_input_take_leave(struct stream *s)
{
	struct buffer b = { 0 };
	ssize_t n;

	if (s->unit == NULL && s->state != STREAM_ENDING &&
	    s->framing->put_end(&b, s->request_id) == 0 && b.len > 0) {
		n = write(s->fd, b.data, b.len);
		(void)n; /* a full socket does without */
	}
	buffer_clear(&b);
}

/*
 * A half-open stream is readable for good, since mod_cgid closes its sending
 * side as soon as a program has its request.  Only when both sides are closed
 * is the client gone.
 */
static bool
stream_input_has_peer(const struct stream *s)
{
	struct pollfd p = { .fd = s->fd };

	return poll(&p, 1, 0) != 1 || (p.revents & (POLLHUP | POLLERR)) == 0;
}

bool
stream_input_read(struct stream *s)
{
	char data[STREAM_INPUT_READ_BYTES];
	ssize_t n;

	if (s->is_half_open)
		return stream_input_has_peer(s);
	n = read(s->fd, data, sizeof data);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n == 0)
		stream_input_take_leave(s);
	return n > 0 && stream_input_add(s, data, (size_t)n) == 0 &&
	    stream_input_show(s) == 0;
}
