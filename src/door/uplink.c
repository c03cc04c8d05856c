/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lines.h"
#include "base/list.h"
#include "door/uplink.h"
#include "protocol/client.h"
#include "protocol/fdpass.h"

enum {
	UPLINK_READ_BYTES = 65536
};

struct uplink_request {
	TAILQ_ENTRY(uplink_request) link;
	struct buffer line;
	size_t sent;
	int fd;
	bool repeat;
	bool is_lost;              /* no reply will come */
	uplink_reply_cb *reply_cb; /* NULL: forgotten */
	void *arg;
};

TAILQ_HEAD(uplink_requests, uplink_request);

struct uplink {
	struct event_base *base;
	struct event *io;
	int fd; /* -1: not connected */
	bool is_writing;
	struct buffer in;
	struct lines lines;
	struct uplink_requests requests; /* the oldest first */
	struct uplink_request *next;     /* not all sent, or NULL */
	void (*lost_cb)(void *);
	void *arg;
};

static void uplink_io_cb(evutil_socket_t, short, void *);

static int
uplink_watch(struct uplink *up, bool writing)
{
	short what = EV_READ | EV_PERSIST;
	struct event *io;

	if (up->io != NULL && up->is_writing == writing)
		return 0;
	if (writing)
		what |= EV_WRITE;
	if ((io = event_new(up->base, up->fd, what, uplink_io_cb, up)) == NULL)
		return -1;
	if (up->io != NULL)
		event_free(up->io);
	up->io = io;
	up->is_writing = writing;
	return event_add(io, NULL);
}

/* Takes a request off the list and tells whoever asked. */
static void
uplink_settle(struct uplink *up, struct uplink_request *r, const char *reply,
    size_t len)
{
	TAILQ_REMOVE(&up->requests, r, link);
	if (up->next == r)
		up->next = NULL;
	if (r->reply_cb != NULL)
		r->reply_cb(r->arg, reply, len);
	buffer_clear(&r->line);
	free(r);
}

static void
uplink_detach(struct uplink *up)
{
	if (up->io != NULL)
		event_free(up->io);
	up->io = NULL;
	if (up->fd != -1)
		close(up->fd);
	up->fd = -1;
	buffer_clear(&up->in);
	memset(&up->lines, 0, sizeof up->lines);
	up->next = NULL;
}

static struct uplink_request *
uplink_find_lost(const struct uplink *up)
{
	struct uplink_request *r;

	TAILQ_FOREACH(r, &up->requests, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (r->is_lost) /* NOLINT(*-unix.Malloc): it left the list */
			break;
	return r;
}

/*
 * The connection has ended.  Requests that were sent and have no reply are sent
 * again to the next hub, if they may be.  A stream that the old hub may have
 * opened has ended with it, so its descriptor is handed over again.  If the old
 * hub had sent its head, the client gets a second one: some lines that an
 * EventSource does not know, and passes over.
 */
static void
uplink_lose(struct uplink *up)
{
	struct uplink_request *r;

	uplink_detach(up);
	TAILQ_FOREACH(r, &up->requests, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		r->is_lost = r->reply_cb == NULL || (r->sent > 0 && !r->repeat);
		if (!r->is_lost)
			r->sent = 0;
	}
	/* From the front each time: reply_cb may add requests and drop some. */
	while ((r = uplink_find_lost(up)) != NULL)
		uplink_settle(up, r, NULL, 0);
	up->lost_cb(up->arg);
}

/* Sends lines.  1: all; 0: the socket is full; -1: it is broken. */
static int
uplink_flush(struct uplink *up)
{
	struct uplink_request *r;
	ssize_t n;

	while ((r = up->next) != NULL) {
		n = fdpass_send(up->fd, r->line.data + r->sent,
		    r->line.len - r->sent, r->sent == 0 ? r->fd : -1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		r->sent += (size_t)n;
		if (r->sent == r->line.len)
			up->next = TAILQ_NEXT(r, link);
	}
	return 1;
}

static void
uplink_write(struct uplink *up)
{
	int sent = uplink_flush(up);

	/*
	 * A socket that is broken for writing is still read: it may hold
	 * replies.
	 */
	if (uplink_watch(up, sent == 0) == -1)
		uplink_lose(up);
}

/* Takes replies: each line is for the oldest request. -1: there is none. */
static int
uplink_take_lines(struct uplink *up)
{
	struct uplink_request *r;
	struct text_span line;

	while (lines_find(&up->lines, &up->in, SIZE_MAX, false, &line) !=
	    LINES_NONE) {
		r = TAILQ_FIRST(&up->requests);
		if (r == NULL || r->sent < r->line.len)
			return -1;
		lines_pass(&up->lines, &up->in);
		uplink_settle(up, r, line.text, line.len);
	}
	return up->in.len > CLIENT_LINE_MAX ? -1 : 0;
}

static void
uplink_read(struct uplink *up)
{
	char *to = buffer_reserve(&up->in, UPLINK_READ_BYTES);
	ssize_t n = -1;

	if (to != NULL)
		n = read(up->fd, to, UPLINK_READ_BYTES);
	if (n == -1 && to != NULL && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		uplink_lose(up);
		return;
	}
	buffer_commit(&up->in, (size_t)n);
	if (uplink_take_lines(up) == -1)
		uplink_lose(up);
}

static void
uplink_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct uplink *up = arg;

	(void)fd;
	if (what & EV_READ)
		uplink_read(up);
	if ((what & EV_WRITE) && up->fd != -1)
		uplink_write(up);
}

struct uplink *
uplink_new(struct event_base *base, void (*lost_cb)(void *), void *arg)
{
	struct uplink *up = calloc(1, sizeof *up);

	if (up == NULL)
		return NULL;
	up->base = base;
	up->fd = -1;
	TAILQ_INIT(&up->requests);
	up->lost_cb = lost_cb;
	up->arg = arg;
	return up;
}

void
uplink_free(struct uplink *up)
{
	struct uplink_request *r;

	if (up == NULL)
		return;
	uplink_detach(up);
	while ((r = TAILQ_FIRST(&up->requests)) != NULL) {
		/* Each leaves the list. NOLINTNEXTLINE(*-unix.Malloc) */
		r->reply_cb = NULL;
		uplink_settle(up, r, NULL, 0);
	}
	free(up);
}

int
uplink_attach(struct uplink *up, int fd)
{
	up->fd = fd;
	up->next = TAILQ_FIRST(&up->requests);
	if (uplink_watch(up, true) == 0)
		return 0;
	uplink_detach(up);
	return -1;
}

bool
uplink_is_attached(const struct uplink *up)
{
	return up->fd != -1;
}

bool
uplink_is_idle(const struct uplink *up)
{
	return TAILQ_EMPTY(&up->requests);
}

bool
uplink_forget(struct uplink *up, struct uplink_request *r)
{
	r->reply_cb = NULL;
	if (r->sent > 0)
		return true;
	if (up->next == r)
		up->next = TAILQ_NEXT(r, link);
	TAILQ_REMOVE(&up->requests, r, link);
	buffer_clear(&r->line);
	free(r);
	return false;
}

struct uplink_request *
uplink_send(struct uplink *up, struct buffer *line, int fd, bool repeat,
    uplink_reply_cb *reply_cb, void *arg)
{
	struct uplink_request *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->line = *line;
	memset(line, 0, sizeof *line);
	r->fd = fd;
	r->repeat = repeat;
	r->reply_cb = reply_cb;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&up->requests, r, link);
	if (up->next == NULL)
		up->next = r;
	/*
	 * Sending is left to the loop, so that whoever asks is not called back
	 * before this returns.
	 */
	if (up->fd == -1 || uplink_watch(up, true) == 0)
		return r;
	uplink_forget(up, r);
	return NULL;
}
