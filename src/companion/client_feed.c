/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "companion/client_feed.h"
#include "protocol/reply.h"

enum {
	FEED_OUT_MAX =
	    256 * 1024, /* unsent bytes above which nothing is added */
	FEED_AWAITED_MAX = 64 * 1024 /* replies above which nothing is added */
};

static size_t
client_feed_awaited(const struct client_feed *f)
{
	return f->numbers.len / sizeof(uint64_t);
}

static bool
client_feed_has_room(const struct client_feed *f)
{
	return f->client->out.len < FEED_OUT_MAX &&
	    client_feed_awaited(f) < FEED_AWAITED_MAX;
}

static void
client_feed_refuse(struct client_feed *f, uint64_t number, int code,
    const char *why)
{
	f->code = client_worse_code(f->code, code);
	if (number == 0)
		client_warn("%s", why);
	else
		client_warn("line %" PRIu64 ": %s", number, why);
}

int
client_encode(const struct client_encoder *e, const char *text, size_t len,
    struct buffer *to)
{
	if (e->line != NULL)
		return e->line(e->arg, text, len, to);
	if (buffer_append(to, text, len) == -1)
		return -1;
	return buffer_append(to, "\n", 1);
}

/*
 * If the line was encoded (rc is 0), one more reply is awaited.  The line is
 * what stands behind the first `before` bytes.
 */
static int
client_feed_await(struct client_feed *f, int rc, size_t before, uint64_t number)
{
	if (rc == 0)
		rc = buffer_append(&f->numbers, &number, sizeof number);
	if (rc == -1)
		buffer_truncate(&f->client->out, before);
	return rc;
}

static int
client_feed_append(struct client_feed *f, const char *text, size_t len,
    uint64_t number)
{
	size_t before = f->client->out.len;
	int rc = client_encode(&f->encoder, text, len, &f->client->out);

	return client_feed_await(f, rc, before, number);
}

int
client_feed_add(struct client_feed *f, const char *text, size_t len)
{
	return client_feed_append(f, text, len, 0);
}

static int
client_feed_add_last(struct client_feed *f)
{
	size_t before = f->client->out.len;
	int rc = f->encoder.last(f->encoder.arg, &f->client->out);

	f->encoder.last = NULL;
	return client_feed_await(f, rc, before, 0);
}

static void
client_feed_refuse_long(struct client_feed *f)
{
	char why[64];

	snprintf(why, sizeof why, "longer than %zu bytes", f->input.line_max);
	client_feed_refuse(f, f->input.number, EX_DATAERR, why);
}

/* Takes lines from the input while there is room for them. */
static int
client_feed_fill(struct client_feed *f)
{
	enum client_input_result result = CLIENT_INPUT_LINE;
	const char *line;
	size_t len;

	while (result != CLIENT_INPUT_NONE && client_feed_has_room(f)) {
		result = client_input_next(&f->input, &line, &len);
		if (result == CLIENT_INPUT_LONG)
			client_feed_refuse_long(f);
		else if (result == CLIENT_INPUT_LINE &&
		    client_feed_append(f, line, len, f->input.number) == -1)
			return -1;
	}
	return 0;
}

static void
client_feed_print_id(const char *reply, size_t len)
{
	char *id = reply_id(reply, len);

	if (id != NULL)
		puts(id);
	free(id);
}

/*
 * When nobody reads the ids any more the events still matter: publishing goes
 * on, and ends with EX_IOERR.
 */
static void
client_feed_flush(struct client_feed *f)
{
	if (!f->verbose || fflush(stdout) == 0)
		return;
	client_warn("standard output: %s", strerror(errno));
	f->code = client_worse_code(f->code, EX_IOERR);
	f->verbose = false;
}

/*
 * Takes the replies that have come; -1 with errno: crierd does not speak the
 * protocol.
 */
static int
client_feed_replies(struct client_feed *f)
{
	const char *reply;
	char why[512];
	size_t len;
	uint64_t number;
	int code;

	while (client_next_line(f->client, &reply, &len)) {
		if (f->numbers.len == 0) {
			errno = EPROTO;
			return -1;
		}
		memcpy(&number, f->numbers.data, sizeof number);
		buffer_consume(&f->numbers, sizeof number);
		code = reply_code(reply, len, why, sizeof why);
		if (code != 0)
			client_feed_refuse(f, number, code, why);
		else if (f->verbose)
			client_feed_print_id(reply, len);
	}
	if (f->client->in.len > CLIENT_LINE_MAX) {
		errno = EPROTO;
		return -1;
	}
	client_feed_flush(f);
	return 0;
}

static int
client_feed_lost(struct client_feed *f)
{
	size_t n = client_feed_awaited(f);

	if (n == 0)
		client_warn("crierd closed the connection");
	else
		client_warn("crierd closed the connection; events without a "
			    "reply: %zu",
		    n);
	return EX_TEMPFAIL;
}

static int
client_feed_fail(const char *what, int code)
{
	client_warn("%s: %s", what, strerror(errno));
	return code;
}

/*
 * Waits, moves bytes both ways and takes replies.  0, or the exit code after a
 * message.
 */
static int
client_feed_turn(struct client_feed *f)
{
	struct pollfd fds[2] = { { .fd = -1 },
		{ .fd = f->input.fd, .events = POLLIN } };
	bool reads =
	    !f->input.eof && f->input.fd != -1 && client_feed_has_room(f);
	int timeout = client_feed_awaited(f) > 0 ? CLIENT_SILENCE_MS : -1;
	int rc = client_turn(f->client, fds, reads ? 2 : 1, timeout);

	if (rc == 0) {
		client_warn("crierd does not answer");
		return EX_TEMPFAIL;
	}
	if (rc == -1 && errno != EINTR)
		return client_feed_fail("connection", EX_TEMPFAIL);
	if (rc == 1 && reads && fds[1].revents != 0 &&
	    client_input_read(&f->input) == -1)
		return client_feed_fail("standard input", EX_IOERR);
	if (client_feed_replies(f) == -1)
		return client_feed_fail("crierd's answer", EX_TEMPFAIL);
	return 0;
}

int
client_feed_run(struct client_feed *f)
{
	int rc;

	for (;;) {
		if (client_feed_fill(f) == -1)
			return client_feed_fail("events", EX_OSERR);
		if (client_input_is_done(&f->input) && f->numbers.len == 0) {
			if (f->encoder.last == NULL)
				return f->code;
			if (client_feed_add_last(f) == -1)
				return client_feed_fail("events", EX_OSERR);
		}
		if (f->client->ended)
			return client_feed_lost(f);
		if ((rc = client_feed_turn(f)) != 0)
			return rc;
	}
}

void
client_feed_clear(struct client_feed *f)
{
	client_input_clear(&f->input);
	buffer_clear(&f->numbers);
}
