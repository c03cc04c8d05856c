/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "fcgi_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t
fcgi_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
fcgi_deadline(int ms)
{
	const char *slow = getenv("CRIER_TEST_SLOW");
	double factor = slow != NULL ? strtod(slow, NULL) : 1;

	if (!(factor >= 1))
		factor = 1;
	return fcgi_now_ms() + (int64_t)(ms * factor);
}

int
fcgi_remaining(int64_t deadline)
{
	int64_t left = deadline - fcgi_now_ms();

	return left > 0 ? (int)left : 0;
}

static int
fcgi_connect_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = -1;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Splits HOST:PORT or [HOST]:PORT; false when it is neither. */
static bool
fcgi_split_address(const char *address, char *host, size_t size,
    const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len;

	if (colon == NULL)
		return false;
	*port = colon + 1;
	len = (size_t)(colon - address);
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len >= size)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	return true;
}

static int
fcgi_connect_tcp(const char *address, int rcvbuf)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *info;
	char host[64];
	const char *port;
	int fd;

	if (!fcgi_split_address(address, host, sizeof(host), &port) ||
	    getaddrinfo(host, port, &hints, &info) != 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && rcvbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (fd != -1 && connect(fd, info->ai_addr, info->ai_addrlen) == -1) {
		int saved = errno;

		close(fd);
		errno = saved;
		fd = -1;
	}
	freeaddrinfo(info);
	return fd;
}

int
fcgi_open(struct fcgi_conn *conn, const char *address, int rcvbuf)
{
	*conn = (struct fcgi_conn){ .fd = -1 };
	if (strncmp(address, "unix:", 5) == 0)
		conn->fd = fcgi_connect_unix(address + 5);
	else if (strncmp(address, "tcp:", 4) == 0)
		conn->fd = fcgi_connect_tcp(address + 4, rcvbuf);
	else
		errno = EINVAL;
	return conn->fd == -1 ? -1 : 0;
}

void
fcgi_close(struct fcgi_conn *conn)
{
	if (conn->fd != -1)
		close(conn->fd);
	conn->fd = -1;
	bytes_clear(&conn->in);
	conn->taken = 0;
}

/* Waits for events on the connection; 0, or -1 with ETIMEDOUT. */
static int
fcgi_wait(struct fcgi_conn *conn, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = conn->fd, .events = events };
	int ready;

	do
		ready = poll(&pfd, 1, fcgi_remaining(deadline));
	while (ready == -1 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? 0 : -1;
}

int
fcgi_send(struct fcgi_conn *conn, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	int64_t deadline = fcgi_deadline(FCGI_SOON_MS);

	while (len > 0) {
		ssize_t n =
		    send(conn->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		if (fcgi_wait(conn, POLLOUT, deadline) == -1)
			return -1;
	}
	return 0;
}

int
fcgi_send_bytes(struct fcgi_conn *conn, const struct bytes *bytes)
{
	return fcgi_send(conn, bytes->at, bytes->len);
}

/* Takes what the socket has, up to WANT bytes. 1; 0 at the end (a peer that
 * closes with our bytes unread resets the connection); or -1. */
static int
fcgi_fill(struct fcgi_conn *conn, size_t want, int64_t deadline)
{
	uint8_t block[65536];
	ssize_t n;

	if (conn->max_read == 0 || want > sizeof(block))
		want = sizeof(block);
	if (conn->max_read != 0 && want > conn->max_read)
		want = conn->max_read;
	for (;;) {
		n = recv(conn->fd, block, want, MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno == ECONNRESET)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || fcgi_wait(conn, POLLIN, deadline) == -1)
			return -1;
	}
	bytes_add(&conn->in, block, (size_t)n);
	return n > 0;
}

/* Reads until LEN bytes are there. 1; 0 at the end of the stream; or -1. */
static int
fcgi_need(struct fcgi_conn *conn, size_t len, int64_t deadline)
{
	int got = 1;

	while (got == 1 && conn->in.len < len)
		got = fcgi_fill(conn, len - conn->in.len, deadline);
	return got;
}

int
fcgi_read(struct fcgi_conn *conn, struct fcgi_record *record, int ms)
{
	int64_t deadline = fcgi_deadline(ms);
	size_t len = WIRE_HEADER_LEN;
	int got;

	bytes_drop(&conn->in, conn->taken);
	conn->taken = 0;
	got = fcgi_need(conn, len, deadline);
	if (got == 1) {
		len += (size_t)(conn->in.at[4] << 8 | conn->in.at[5]);
		len += conn->in.at[6];
		got = fcgi_need(conn, len, deadline);
	}
	if (got == 0 && conn->in.len > 0) {
		errno = EPIPE;
		return -1;
	}
	if (got != 1)
		return got;
	if (conn->in.at[0] != 1) {
		errno = EPROTO;
		return -1;
	}
	conn->taken = len;
	record->type = conn->in.at[1];
	record->id = (unsigned)(conn->in.at[2] << 8 | conn->in.at[3]);
	record->len = (size_t)(conn->in.at[4] << 8 | conn->in.at[5]);
	record->padding = conn->in.at[6];
	record->content = conn->in.at + WIRE_HEADER_LEN;
	return 1;
}

bool
fcgi_is_closed(struct fcgi_conn *conn, int ms)
{
	int64_t deadline = fcgi_deadline(ms);
	int got;

	do {
		bytes_clear(&conn->in);
		conn->taken = 0;
		got = fcgi_fill(conn, WIRE_HEADER_LEN, deadline);
	} while (got == 1);
	return got == 0 || errno != ETIMEDOUT;
}

bool
fcgi_is_silent(struct fcgi_conn *conn, int ms)
{
	struct fcgi_record record;

	return fcgi_read(conn, &record, ms) == -1 && errno == ETIMEDOUT &&
	    conn->in.len == 0;
}

/* Takes one record into the reply; 0, or -1 with EPROTO. */
static int
fcgi_reply_take(struct fcgi_reply *reply, const struct fcgi_record *record,
    unsigned id)
{
	const uint8_t *end = record->content;

	if (record->id == id && record->type == WIRE_STDOUT) {
		bytes_add(&reply->out, record->content, record->len);
		return 0;
	}
	if (record->id != id || record->type != WIRE_END_REQUEST ||
	    record->len != 8) {
		errno = EPROTO;
		return -1;
	}
	reply->ended = true;
	reply->app_status = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 |
	    (uint32_t)end[2] << 8 | end[3];
	reply->protocol_status = end[4];
	return 0;
}

int
fcgi_read_reply(struct fcgi_conn *conn, unsigned id, struct fcgi_reply *reply,
    int ms)
{
	int64_t deadline = fcgi_deadline(ms);
	struct fcgi_record record;
	int got;

	*reply = (struct fcgi_reply){ .ended = false };
	while (!reply->ended) {
		/* The deadline is scaled already: each read gets all of it. */
		if (fcgi_remaining(deadline) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		got = fcgi_read(conn, &record, ms);
		if (got == 0)
			return 0;
		if (got == -1 || fcgi_reply_take(reply, &record, id) == -1)
			return -1;
	}
	return 0;
}

void
fcgi_reply_clear(struct fcgi_reply *reply)
{
	bytes_clear(&reply->out);
}

size_t
fcgi_body_at(const struct bytes *out)
{
	const uint8_t *found;

	if (out->len == 0)
		return 0;
	found = memmem(out->at, out->len, "\r\n\r\n", 4);
	if (found != NULL)
		return (size_t)(found - out->at) + 4;
	found = memmem(out->at, out->len, "\n\n", 2);
	return found != NULL ? (size_t)(found - out->at) + 2 : 0;
}

char *
fcgi_header_value(const struct bytes *out, const char *name)
{
	size_t head = fcgi_body_at(out);
	size_t name_len = strlen(name);
	const char *line = (const char *)out->at;
	const char *end = line + head;

	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)(next - line);

		if (len > name_len && line[name_len] == ':' &&
		    strncasecmp(line, name, name_len) == 0) {
			line += name_len + 1;
			line += strspn(line, " ");
			len = strcspn(line, "\r\n");
			return strndup(line, len);
		}
		line = next + 1;
	}
	return NULL;
}

int
fcgi_reply_status(const struct fcgi_reply *reply)
{
	char *value;
	long status = 200;

	if (fcgi_body_at(&reply->out) == 0)
		return -1;
	value = fcgi_header_value(&reply->out, "Status");
	if (value != NULL)
		status = strtol(value, NULL, 10);
	free(value);
	return (int)status;
}
