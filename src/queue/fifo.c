/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "queue/execute.h"
#include "queue/fifo.h"
#include "queue/state.h"

/*
 * The kernel keeps lines of several writers to a pipe apart up to PIPE_BUF
 * bytes, the line end included.  A longer line may have other writers' lines in
 * its middle, so it is refused whole.  There is no way to answer a writer:
 * refusals are logged and counted.
 */

enum {
	FIFO_READ_BYTES = 65536,
	FIFO_LOG_EVERY_MS = 1000,
	FIFO_WHY_SIZE = 160
};

struct queue_fifo {
	struct queue *queue;
	struct event *io;
	int fd;
	struct event *log_timer; /* until it is over nothing is logged */
	uint64_t unlogged;
	char why[FIFO_WHY_SIZE]; /* of the last line that was refused */
	struct buffer in;
	struct lines lines;
};

int
fifo_open(const char *path, const struct listener_access *access, char **cause)
{
	struct stat st;
	int fd;

	if (listener_make_directory(path, access, cause) == -1)
		return -1;
	if (mkfifo(path, 0600) == -1 && errno != EEXIST)
		return process_cannot(path, "", 0, errno, cause);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return process_cannot(path, "", R_OK | W_OK, errno, cause);
	if (fstat(fd, &st) == -1 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return cause_set(cause, "%s: %s", path,
		    "is there already, and is no named pipe");
	}
	if (fchmod(fd, access->mode) == -1 ||
	    ((access->owner != (uid_t)-1 || access->group != (gid_t)-1) &&
		fchown(fd, access->owner, access->group) == -1)) {
		process_cannot(path, "cannot set its owner and mode: ", W_OK,
		    errno, cause);
		close(fd);
		return -1;
	}
	return fd;
}

static void
fifo_log(struct queue_fifo *f)
{
	if (f->unlogged == 0)
		return;
	log_warning("named pipe: %llu line(s) refused, the last one: %s",
	    (unsigned long long)f->unlogged, f->why);
	f->unlogged = 0;
}

static void
fifo_log_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fifo_log(arg);
}

/* Logs and counts a line that was refused; the pipe may be closed since. */
static void
fifo_refuse(struct queue *q, const char *why)
{
	struct queue_fifo *f = q->fifo;

	if (f == NULL)
		return;
	snprintf(f->why, sizeof f->why, "%s", why);
	f->queue->figures.counters.fifo_refused++;
	f->unlogged++;
	/* A broken writer shall not fill the log. */
	if (evtimer_pending(f->log_timer, NULL))
		return;
	fifo_log(f);
	loop_set_timer(f->log_timer, FIFO_LOG_EVERY_MS);
}

/* There is nobody to tell of an event that was published. */
static void
fifo_event_cb(void *arg, const struct hub_outcome *o)
{
	if (o->refusal != NULL)
		fifo_refuse(arg, o->refusal);
}

static void
fifo_take_line(struct queue_fifo *f, const char *line, size_t len)
{
	static const struct asker asker = { .event_cb = fifo_event_cb };
	struct command c;
	const char *why = c.error;

	f->queue->figures.counters.fifo_lines++;
	if (command_parse_plain(&c, f->queue->tokener, line, len) == -1)
		hub_count_refused(f->queue->hub);
	else if (c.kind != COMMAND_PUBLISH)
		why = "only events can be written to the pipe";
	else
		why = execute_publish(f->queue, &asker, f->queue, &c) == 0
		    ? NULL
		    : c.error;
	if (why != NULL)
		fifo_refuse(f->queue, why);
	command_clear(&c);
}

static void
fifo_take_long_line(struct queue_fifo *f)
{
	f->queue->figures.counters.fifo_lines++;
	hub_count_refused(f->queue->hub);
	fifo_refuse(f->queue, "the line is longer than the pipe keeps whole");
}

static void
fifo_take_lines(struct queue_fifo *f)
{
	enum lines_found found;
	struct text_span line;

	/* A line that the pipe keeps whole has PIPE_BUF bytes with its end. */
	while ((found = lines_find(&f->lines, &f->in, PIPE_BUF - 1, false,
		    &line)) != LINES_NONE) {
		if (found == LINES_WHOLE && f->lines.found <= PIPE_BUF)
			fifo_take_line(f, line.text, line.len);
		else if (found != LINES_LONG)
			fifo_take_long_line(f);
		lines_pass(&f->lines, &f->in);
	}
}

/* Reads the pipe once; false when it was empty. */
static bool
fifo_read(struct queue_fifo *f)
{
	char *to = buffer_reserve(&f->in, FIFO_READ_BYTES);
	ssize_t n;

	if (to == NULL)
		return false;
	n = read(f->fd, to, FIFO_READ_BYTES);
	if (n <= 0)
		return false;
	buffer_commit(&f->in, (size_t)n);
	fifo_take_lines(f);
	return true;
}

static void
fifo_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct queue_fifo *f = arg;

	(void)fd;
	(void)what;
	hub_now(f->queue->hub);
	fifo_read(f);
	if (!replies_may_read(&f->queue->replies))
		event_del(f->io);
}

void
fifo_resume(struct queue_fifo *f)
{
	if (f != NULL)
		event_add(f->io, NULL);
}

struct queue_fifo *
fifo_new(struct queue *q, int fd)
{
	struct queue_fifo *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->queue = q;
	f->fd = fd;
	f->io = event_new(q->base, fd, EV_READ | EV_PERSIST, fifo_io_cb, f);
	f->log_timer = evtimer_new(q->base, fifo_log_cb, f);
	if (f->io == NULL || f->log_timer == NULL ||
	    event_add(f->io, NULL) == -1) {
		if (f->io != NULL)
			event_free(f->io);
		if (f->log_timer != NULL)
			event_free(f->log_timer);
		free(f);
		return NULL;
	}
	return f;
}

void
fifo_free(struct queue_fifo *f)
{
	int left = 0;

	if (f == NULL)
		return;
	/*
	 * Only what is in the pipe now is read: a writer that goes on writing
	 * does not hold us up.
	 */
	if (ioctl(f->fd, FIONREAD, &left) == -1)
		left = 0;
	for (; left > 0 && fifo_read(f); left -= FIFO_READ_BYTES)
		;
	fifo_log(f);
	event_free(f->log_timer);
	event_free(f->io);
	close(f->fd);
	buffer_clear(&f->in);
	free(f);
}
