/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "measure.h"

/*
 * What any server must do at least: the bytes that crierd would send, written
 * to N Unix sockets with write(2) one after the other.  No loop, no request is
 * looked at, nothing is kept but the last write: after EVENTS all come back,
 *and get that behind the head, in one write.  Events come as lines, as crierd's
 *do, so that the same client can drive both.
 *
 *	floor LISTEN QUEUE STREAMS [EVENTS-A-WRITE [EVENTS]]
 */

enum {
	FLOOR_LINES = 262144,
	FLOOR_RECORDS = 1048576,
	FLOOR_EXTRA = 128, /* of a record, besides its data */
	FLOOR_HEADER = 8
};

struct floor {
	int listener, queue;
	int *fds;
	size_t streams, batch;
	uint64_t number; /* of the event, for its id */
	size_t lines_len, records_len, pending;
	size_t last_len; /* of the records of the last write */
	char lines[FLOOR_LINES];
	char records[FLOOR_RECORDS];
	char answer[FLOOR_EXTRA + FLOOR_RECORDS];
};

static int
floor_listen(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path) >=
	    (int)sizeof sun.sun_path)
		measure_die("%s is too long", path);
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof sun) == -1 ||
	    listen(fd, 4096) == -1)
		measure_die("%s: %s", path, strerror(errno));
	return fd;
}

/* A FastCGI record (Specification 1.0, 3.3) of STDOUT for request 1. */
static size_t
floor_put_header(char *to, size_t len)
{
	const unsigned char header[FLOOR_HEADER] = { 1, 6, 0, 1,
		(unsigned char)(len >> 8), (unsigned char)len };

	memcpy(to, header, FLOOR_HEADER);
	return FLOOR_HEADER;
}

static void
floor_write(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n == -1)
			measure_die("write: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/*
 * Everybody's request is read and answered with the head of a stream and, if
 * they come back, what was written last.  Their places are taken one by one.
 */
static void
floor_accept_all(struct floor *f)
{
	static const char head[] =
	    "Content-Type: text/event-stream\r\n\r\nretry: 3000\n\nid: 0\n\n";
	char request[4096];
	size_t i, n;
	int fd;

	n = floor_put_header(f->answer, sizeof head - 1);
	memcpy(f->answer + n, head, sizeof head - 1);
	n += sizeof head - 1;
	memcpy(f->answer + n, f->records, f->last_len);
	n += f->last_len;
	for (i = 0; i < f->streams; i++) {
		if ((fd = accept(f->listener, NULL, NULL)) == -1)
			measure_die("accept: %s", strerror(errno));
		if (f->fds[i] != -1)
			close(f->fds[i]);
		f->fds[i] = fd;
		if (read(f->fds[i], request, sizeof request) <= 0)
			measure_die("no request");
		floor_write(f->fds[i], f->answer, n);
	}
}

/* All that was gathered goes to all. */
static void
floor_deliver(struct floor *f)
{
	size_t i;

	if (f->pending == 0)
		return;
	for (i = 0; i < f->streams; i++)
		floor_write(f->fds[i], f->records, f->records_len);
	f->last_len = f->records_len;
	f->records_len = f->pending = 0;
}

/* {"channel":"bench0","data":"..."}: the data of the load client need no more.
 */
static void
floor_take_line(struct floor *f, const char *line, size_t len)
{
	static const char before[] = "\"data\":\"";
	const char *data = memmem(line, len, before, sizeof before - 1);
	char reply[96], *record = f->records + f->records_len;
	int n;

	if (data == NULL || len < sizeof before + 2)
		measure_die("not a line of the load client's");
	data += sizeof before - 1;
	n = snprintf(record + FLOOR_HEADER, FLOOR_EXTRA + len,
	    "id: 1795000000000-%llu\ndata: %.*s\n\n",
	    (unsigned long long)++f->number, (int)(line + len - 2 - data),
	    data);
	f->records_len += floor_put_header(record, (size_t)n) + (size_t)n;
	if (++f->pending == f->batch)
		floor_deliver(f);
	n = snprintf(reply, sizeof reply,
	    "{\"ok\":true,\"id\":\"1795000000000-%llu\",\"streams\":%zu}\n",
	    (unsigned long long)f->number, f->streams);
	if (write(f->queue, reply, (size_t)n) != n)
		measure_die("the publisher takes no replies");
}

/* Reads once; false: the publisher has left. */
static bool
floor_turn(struct floor *f)
{
	char *line = f->lines, *eol;
	ssize_t n = read(f->queue, f->lines + f->lines_len,
	    sizeof f->lines - f->lines_len);
	size_t left;

	if (n <= 0)
		return false;
	left = f->lines_len + (size_t)n;
	while ((eol = memchr(line, '\n', left)) != NULL) {
		floor_take_line(f, line, (size_t)(eol - line));
		left -= (size_t)(eol + 1 - line);
		line = eol + 1;
	}
	memmove(f->lines, line, left);
	f->lines_len = left;
	floor_deliver(f);
	return true;
}

int
main(int argc, char **argv)
{
	static struct floor f;
	struct rlimit limit;
	uint64_t events;
	size_t i;

	if (argc < 4 || argc > 6)
		measure_die("usage: floor LISTEN QUEUE STREAMS [EVENTS-A-WRITE "
			    "[EVENTS]]");
	f.streams = strtoul(argv[3], NULL, 10);
	f.batch = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
	events = argc > 5 ? strtoull(argv[5], NULL, 10) : UINT64_MAX;
	f.fds = calloc(f.streams, sizeof *f.fds);
	if (f.fds == NULL || f.batch == 0 || f.batch > 1000)
		measure_die("that makes no sense");
	for (i = 0; i < f.streams; i++)
		f.fds[i] = -1;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	f.listener = floor_listen(argv[1]);
	f.queue = floor_listen(argv[2]);
	f.queue = accept(f.queue, NULL, NULL);
	floor_accept_all(&f);
	while (floor_turn(&f))
		if (f.number == events)
			floor_accept_all(&f);
	return 0;
}
