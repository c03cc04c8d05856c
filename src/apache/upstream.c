/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apache/child.h"
#include "apache/paths.h"
#include "apache/upstream.h"

enum {
	CONNECT_SECONDS = 5,
	/* How often a wait looks whether this process is to end. */
	TICK_MS = 250,
	/* What a graceful stop leaves to an answer that is late. */
	STOP_SECONDS = 5,
	HOST_MAX = 256
};

static const char *
upstream_path(const char *where)
{
	if (where == NULL)
		return CRIER_SOCKET;
	return strncmp(where, "unix:", 5) == 0 ? where + 5 : where;
}

int
upstream_is_local(const char *where)
{
	return upstream_path(where)[0] == '/';
}

/* Splits tcp:HOST:PORT; the port, or NULL if it is none. */
static const char *
upstream_split(const char *where, char host[HOST_MAX])
{
	const char *colon;
	size_t len;

	if (strncmp(where, "tcp:", 4) != 0)
		return NULL;
	where += 4;
	colon = strrchr(where, ':');
	if (colon == NULL || colon == where || colon[1] == '\0')
		return NULL;
	len = (size_t)(colon - where);
	if (where[0] == '[' && colon[-1] == ']') {
		where++;
		len -= 2;
	}
	if (len == 0 || len >= HOST_MAX)
		return NULL;
	memcpy(host, where, len);
	host[len] = '\0';
	return colon + 1;
}

const char *
upstream_check(const char *where)
{
	struct sockaddr_un address;
	char host[HOST_MAX];

	if (upstream_is_local(where))
		return strlen(upstream_path(where)) < sizeof(address.sun_path)
		    ? NULL
		    : "CrierSocket: the path is too long for a socket's";
	if (upstream_split(where, host) == NULL)
		return "CrierSocket must be /a/path, unix:/a/path or "
		       "tcp:HOST:PORT";
	return NULL;
}

/* A socket whose connect(2) waits for CONNECT_SECONDS at most. */
static int
upstream_connect(const struct sockaddr *address, socklen_t len)
{
	const struct timeval limit = { .tv_sec = CONNECT_SECONDS };
	int fd, on = 1, error;

	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, address, len) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int
upstream_connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, len);
	return upstream_connect((struct sockaddr *)&address, sizeof(address));
}

static int
upstream_connect_tcp(const char *where)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found, *one;
	const char *port;
	char host[HOST_MAX];
	int fd = -1;

	port = upstream_split(where, host);
	if (port == NULL || getaddrinfo(host, port, &hints, &found) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (one = found; one != NULL && fd == -1; one = one->ai_next)
		fd = upstream_connect(one->ai_addr, one->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

int
upstream_open(struct upstream *u, const char *where)
{
	memset(u, 0, sizeof(*u));
	u->fd = upstream_is_local(where)
	    ? upstream_connect_unix(upstream_path(where))
	    : upstream_connect_tcp(where);
	return u->fd == -1 ? -1 : 0;
}

/* poll(2) in ticks; what is ready, or 0. */
static short
upstream_poll(const struct upstream *u, short events, apr_interval_time_t limit)
{
	struct pollfd p = { .fd = u->fd, .events = events };
	apr_time_t now, end = apr_time_now() + limit;
	int stopping = 0;

	while (poll(&p, 1, TICK_MS) <= 0) {
		now = apr_time_now();
		if (now >= end || child_state() == CHILD_ENDS)
			return 0;
		if (stopping || child_state() == CHILD_RUNS)
			continue;
		stopping = 1;
		if (end > now + apr_time_from_sec(STOP_SECONDS))
			end = now + apr_time_from_sec(STOP_SECONDS);
	}
	return p.revents;
}

int
upstream_send(struct upstream *u, const char *data, size_t len,
    apr_interval_time_t timeout)
{
	short ready;
	ssize_t n;

	while (len > 0) {
		n = send(u->fd, data, len, MSG_NOSIGNAL);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* What crierd said before it closed can still be read. */
		if (errno == EPIPE)
			return 1;
		if (errno != EAGAIN)
			return -1;
		ready = upstream_poll(u, POLLIN | POLLOUT, timeout);
		if (ready == 0)
			return -1;
		if ((ready & POLLOUT) == 0)
			return 1;
	}
	return 0;
}

int
upstream_wait(const struct upstream *u, apr_interval_time_t timeout)
{
	return upstream_poll(u, POLLIN, timeout) == 0 ? -1 : 0;
}

ssize_t
upstream_read(struct upstream *u, char *data, size_t size)
{
	ssize_t n;

	if (u->fd == -1 || u->records.ended)
		return -1;
	n = recv(u->fd, data, size, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	n = (ssize_t)record_strip(&u->records, data, (size_t)n);
	return n == 0 && u->records.ended ? -1 : n;
}

void
upstream_close(struct upstream *u)
{
	if (u->fd != -1)
		close(u->fd);
	u->fd = -1;
}
