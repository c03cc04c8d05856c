/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "queue/client_feed.h"

enum {
	FEED_CHUNK = 128 * 1024, /* of one read of the input */
	FEED_OUT_MAX =
	    256 * 1024, /* unsent bytes above which nothing is added */
	FEED_AWAITED_MAX = 64 * 1024 /* replies above which nothing is added */
};

static size_t
client_feed_awaited(const struct client_feed *f)
{
	return f->numbers.len / sizeof f->number;
}

static bool
client_feed_has_room(const struct client_feed *f)
{
	return f->client->out.len < FEED_OUT_MAX &&
	    client_feed_awaited(f) < FEED_AWAITED_MAX;
}

/* What cannot succeed weighs more than what may be tried again. */
static void
client_feed_note(struct client_feed *f, int code)
{
	static const int weight[] = { 0, EX_TEMPFAIL, EX_DATAERR, EX_NOPERM };
	size_t have = 1, new = 1, i;

	for (i = 0; i < sizeof weight / sizeof weight[0]; i++) {
		have = weight[i] == f->code ? i : have;
		new = weight[i] == code ? i : new;
	}
	if (new > have)
		f->code = code;
}

static void
client_feed_refuse(struct client_feed *f, uint64_t number, int code,
    const char *why)
{
	client_feed_note(f, code);
	if (number == 0)
		client_warn("%s", why);
	else
		client_warn("line %" PRIu64 ": %s", number, why);
}

static bool
client_feed_is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0')
			return false;
	return true;
}

static int
client_feed_append(struct client_feed *f, const char *line, size_t len,
    uint64_t number)
{
	struct buffer *to = &f->client->out;
	size_t before = to->len;
	int rc;

	if (f->encode != NULL)
		rc = f->encode(f->arg, line, len, to);
	else if ((rc = buffer_append(to, line, len)) == 0)
		rc = buffer_append(to, "\n", 1);
	if (rc == 0)
		rc = buffer_append(&f->numbers, &number, sizeof number);
	if (rc == -1)
		buffer_truncate(to, before);
	return rc;
}

int
client_feed_add(struct client_feed *f, const char *line, size_t len)
{
	return client_feed_append(f, line, len, 0);
}

static void
client_feed_refuse_long(struct client_feed *f)
{
	char why[64];

	snprintf(why, sizeof why, "longer than %zu bytes", f->line_max);
	client_feed_refuse(f, f->number, EX_DATAERR, why);
}

/* One line of the input, ended by a newline or the end. */
static int
client_feed_take(struct client_feed *f, const char *line, size_t len)
{
	if (f->skipping) {
		f->skipping = false;
		return 0;
	}
	f->number++;
	if (len > f->line_max) {
		client_feed_refuse_long(f);
		return 0;
	}
	if (!f->keep_blank && client_feed_is_blank(line, len))
		return 0;
	return client_feed_append(f, line, len, f->number);
}

/* The rest of the input has no newline. */
static int
client_feed_take_rest(struct client_feed *f)
{
	int rc = 0;

	f->scanned = f->in.len;
	if (f->eof && f->in.len > 0)
		rc = client_feed_take(f, f->in.data, f->in.len);
	else if (!f->skipping && f->in.len > f->line_max) {
		f->number++;
		client_feed_refuse_long(f);
		f->skipping = true;
	}
	if (f->eof || f->skipping) {
		buffer_truncate(&f->in, 0);
		f->scanned = 0;
	}
	return rc;
}

/* Takes lines from the input's buffer while there is room for them. */
static int
client_feed_fill(struct client_feed *f)
{
	const char *newline;
	size_t len;

	while (client_feed_has_room(f) && f->in.len > 0) {
		newline = memchr(f->in.data + f->scanned, '\n',
		    f->in.len - f->scanned);
		if (newline == NULL)
			return client_feed_take_rest(f);
		len = (size_t)(newline - f->in.data);
		if (client_feed_take(f, f->in.data, len) == -1)
			return -1;
		f->scanned = 0;
		buffer_consume(&f->in, len + 1);
	}
	return 0;
}

static int
client_feed_read(struct client_feed *f)
{
	char *to = buffer_reserve(&f->in, FEED_CHUNK);
	ssize_t n = to == NULL ? -1 : read(f->input, to, FEED_CHUNK);

	if (n > 0)
		buffer_commit(&f->in, (size_t)n);
	else if (n == 0)
		f->eof = true;
	else if (to == NULL || (errno != EINTR && errno != EAGAIN))
		return -1;
	return 0;
}

static void
client_feed_print_id(const char *reply, size_t len)
{
	struct json_object *object = client_parse(reply, len), *id;

	if (json_object_object_get_ex(object, "id", &id))
		puts(json_object_get_string(id));
	json_object_put(object);
}

/* Events matter more than the ids that nobody reads any more. */
static void
client_feed_flush(struct client_feed *f)
{
	if (!f->verbose || fflush(stdout) == 0)
		return;
	client_warn("standard output: %s", strerror(errno));
	client_feed_note(f, EX_IOERR);
	f->verbose = false;
}

/* Takes the replies that have come. */
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
		code = client_reply_code(reply, len, why, sizeof why);
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

/* Waits, moves bytes and takes replies.  0, or the exit code. */
static int
client_feed_turn(struct client_feed *f)
{
	struct pollfd fds[2] = { { .fd = -1 },
		{ .fd = f->input, .events = POLLIN } };
	bool reads = !f->eof && client_feed_has_room(f);
	int timeout = client_feed_awaited(f) > 0 ? CLIENT_SILENCE_MS : -1;
	int rc = client_turn(f->client, fds, reads ? 2 : 1, timeout);

	if (rc == 0) {
		client_warn("crierd does not answer");
		return EX_TEMPFAIL;
	}
	if (rc == -1 && errno != EINTR)
		return client_feed_fail("connection", EX_TEMPFAIL);
	if (rc == 1 && reads && fds[1].revents != 0 &&
	    client_feed_read(f) == -1)
		return client_feed_fail("standard input", EX_IOERR);
	if (client_feed_replies(f) == -1)
		return client_feed_fail("crierd's answer", EX_TEMPFAIL);
	return 0;
}

int
client_feed_run(struct client_feed *f)
{
	int rc;

	f->eof = f->eof || f->input == -1;
	for (;;) {
		if (client_feed_fill(f) == -1)
			return client_feed_fail("events", EX_OSERR);
		if (f->eof && f->in.len == 0 && f->numbers.len == 0)
			return f->code;
		if (f->client->ended)
			return client_feed_lost(f);
		if ((rc = client_feed_turn(f)) != 0)
			return rc;
	}
}

void
client_feed_clear(struct client_feed *f)
{
	buffer_clear(&f->in);
	buffer_clear(&f->numbers);
}
