/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "queue/passed.h"

static int
passed_shift(struct passed *p)
{
	int fd = p->items[0].fd;

	p->count--;
	memmove(p->items, p->items + 1, p->count * sizeof *p->items);
	return fd;
}

static void
passed_close(int fd)
{
	if (fd != -1)
		close(fd);
}

/*
 * Closes descriptors that came with lines before this one only: all those lines
 * were taken, and none had a use for them.
 */
static void
passed_drop_before(struct passed *p, uint64_t line)
{
	while (p->count > 0 && p->items[0].to <= line)
		passed_close(passed_shift(p));
}

/*
 * When more bytes are read, all that is left of earlier ones is a line that has
 * no end yet.  Of the descriptors that came with them it may have one: its
 * first byte's.
 */
static void
passed_keep_one(struct passed *p, uint64_t line)
{
	size_t kept;

	passed_drop_before(p, line);
	kept = p->count > 0 && p->items[0].from <= line ? 1 : 0;
	while (p->count > kept)
		passed_close(p->items[--p->count].fd);
}

ssize_t
passed_receive(struct passed *p, int sock, char *data, size_t len,
    uint64_t line, uint64_t from)
{
	int fds[PASSED_MAX - 1];
	size_t count, i;
	ssize_t n = fdpass_receive(sock, data, len, fds, &count);

	if (count == 0)
		return n;
	passed_keep_one(p, line);
	for (i = 0; i < count; i++) {
		p->items[p->count].fd = fds[i];
		p->items[p->count].from = from;
		p->items[p->count].to = from + (uint64_t)n;
		p->count++;
	}
	return n;
}

bool
passed_take(struct passed *p, uint64_t line, int *fd)
{
	passed_drop_before(p, line);
	if (p->count == 0 || p->items[0].from > line)
		return false;
	*fd = passed_shift(p);
	return true;
}

void
passed_trim(struct passed *p, uint64_t line, uint64_t end, bool is_begun)
{
	if (line == end)
		passed_clear(p);
	else if (is_begun)
		passed_keep_one(p, line);
	else
		passed_drop_before(p, line);
}

void
passed_refuse(struct passed *p, uint64_t from)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (p->items[i].from < from)
			continue;
		passed_close(p->items[i].fd);
		p->items[i].fd = -1;
	}
}

bool
passed_is_queues(int sock, int fd)
{
	struct sockaddr_un own = { 0 }, other = { 0 };
	socklen_t own_len = sizeof own, other_len = sizeof other;

	if (getsockname(sock, (struct sockaddr *)&own, &own_len) == -1 ||
	    getpeername(fd, (struct sockaddr *)&other, &other_len) == -1)
		return false;
	/* A socket pair has no names. */
	return own_len > sizeof(sa_family_t) && own_len == other_len &&
	    memcmp(&own, &other, own_len) == 0;
}

void
passed_clear(struct passed *p)
{
	while (p->count > 0)
		passed_close(passed_shift(p));
}
