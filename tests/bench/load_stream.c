/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "load.h"

enum {
	STREAM_EVENTS = 1024, /* of one epoll_wait */
	STREAM_READ = 262144,
	STREAM_REQUEST = 2048,
	STREAM_PAIR = 256
};

void
load_read_address(struct load_address *a, const char *text)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&a->sa;
	struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&a->sa;
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];

	memset(a, 0, sizeof *a);
	if (strncmp(text, "unix:", 5) == 0) {
		sun->sun_family = AF_UNIX;
		if (snprintf(sun->sun_path, sizeof sun->sun_path, "%s",
			text + 5) >= (int)sizeof sun->sun_path)
			measure_die("%s is too long", text);
		a->len = sizeof *sun;
		return;
	}
	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		measure_die("%s is neither unix:PATH nor HOST:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		measure_die("%s is no address", host);
	a->len = sizeof *sin;
}

static size_t
stream_put_record(char *to, unsigned char type, const char *content, size_t len)
{
	const unsigned char header[LOAD_HEADER] = { 1, type, 0, 1,
		(unsigned char)(len >> 8), (unsigned char)len };

	memcpy(to, header, LOAD_HEADER);
	if (len > 0)
		memcpy(to + LOAD_HEADER, content, len);
	return LOAD_HEADER + len;
}

/* A name-value pair, both shorter than 128 bytes. */
static size_t
stream_put_pair(char *to, const char *name, const char *value)
{
	size_t name_len = strlen(name), len = strlen(value);

	to[0] = (char)name_len;
	to[1] = (char)len;
	return 2 + (size_t)snprintf(to + 2, STREAM_PAIR, "%s%s", name, value);
}

/* What a web server would send: about as many parameters. */
static size_t
stream_put_fcgi(char *to, const char *url, const char *since)
{
	static const char *const pairs[][2] = {
		{ "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "SERVER_SOFTWARE", "load" },
		{ "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "SERVER_NAME", "localhost" },
		{ "SERVER_PORT", "80" },
		{ "REMOTE_ADDR", "127.0.0.1" },
		{ "REQUEST_METHOD", "GET" },
		{ "QUERY_STRING", "" },
		{ "HTTP_HOST", "localhost" },
		{ "HTTP_ACCEPT", "text/event-stream" },
		{ "HTTP_CACHE_CONTROL", "no-cache" },
	};
	static const char begin[] = { 0, 1, 0, 0, 0, 0, 0, 0 };
	char params[STREAM_REQUEST / 2];
	size_t n = 0, at, i;

	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		n += stream_put_pair(params + n, pairs[i][0], pairs[i][1]);
	n += stream_put_pair(params + n, "REQUEST_URI", url);
	n += stream_put_pair(params + n, "SCRIPT_NAME", url);
	if (since != NULL)
		n += stream_put_pair(params + n, "HTTP_LAST_EVENT_ID", since);
	at = stream_put_record(to, 1, begin, sizeof begin);
	at += stream_put_record(to + at, 4, params, n);
	at += stream_put_record(to + at, 4, NULL, 0);
	return at + stream_put_record(to + at, 5, NULL, 0);
}

static size_t
stream_put_request(const struct load *l, const struct load_stream *s, char *to)
{
	const struct load_options *o = &l->options;
	char url[120];

	snprintf(url, sizeof url, "%sbench%u", o->prefix, s->channel);
	if (!o->is_http)
		return stream_put_fcgi(to, url, l->since);
	return (size_t)snprintf(to, STREAM_REQUEST,
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n"
	    "Accept: text/event-stream\r\n%s%s%s\r\n",
	    url, l->since == NULL ? "" : "Last-Event-ID: ",
	    l->since == NULL ? "" : l->since, l->since == NULL ? "" : "\r\n");
}

static void
stream_close(struct load *l, struct load_stream *s, bool has_failed)
{
	if (s->phase == LOAD_CONNECTING || s->phase == LOAD_HEAD ||
	    s->phase == LOAD_FAILED)
		l->in_flight--;
	if (has_failed && s->phase == LOAD_OPEN)
		l->counts.ended++;
	else if (has_failed)
		l->counts.failed++;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->phase = has_failed ? LOAD_FAILED : LOAD_CLOSED;
}

static void
stream_watch(struct load *l, struct load_stream *s, int what, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epoll, what, s->fd, &e) == -1)
		measure_die("epoll_ctl: %s", strerror(errno));
}

/* Connected: the request fits into the socket's buffer. */
static void
stream_ask(struct load *l, struct load_stream *s)
{
	char request[STREAM_REQUEST];
	size_t len = stream_put_request(l, s, request);

	s->phase = LOAD_HEAD;
	if (write(s->fd, request, len) != (ssize_t)len)
		stream_close(l, s, true);
	else
		stream_watch(l, s, EPOLL_CTL_MOD, EPOLLIN);
}

/* 0, or -1: not now, the server's backlog is full. */
static int
stream_connect(struct load *l, struct load_stream *s)
{
	const struct load_address *a = &l->options.server;
	int fd = socket(a->sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd == -1)
		measure_die("socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)&a->sa, a->len);
	if (rc == -1 && errno == EAGAIN) {
		close(fd);
		return -1;
	}
	if (rc == -1 && errno != EINPROGRESS)
		measure_die("connect: %s", strerror(errno));
	s->fd = fd;
	s->phase = LOAD_CONNECTING;
	s->header_len = s->chunk_part = 0;
	s->content_left = s->padding_left = s->kept = s->line_len = 0;
	l->in_flight++;
	stream_watch(l, s, EPOLL_CTL_ADD, EPOLLOUT);
	if (rc == 0)
		stream_ask(l, s);
	return 0;
}

static void
stream_check_connect(struct load *l, struct load_stream *s)
{
	int error = 0;
	socklen_t len = sizeof error;

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0)
		stream_close(l, s, true);
	else
		stream_ask(l, s);
}

static void
stream_read(struct load *l, struct load_stream *s)
{
	static char data[STREAM_READ];
	ssize_t n = read(s->fd, data, sizeof data);

	if (n == -1 && errno == EAGAIN)
		return;
	l->counts.reads++;
	if (n <= 0) {
		stream_close(l, s, true);
		return;
	}
	l->counts.bytes += (uint64_t)n;
	l->now_ns = measure_ns();
	if (load_parse(l, s, data, (size_t)n) == -1)
		stream_close(l, s, true);
	else if (s->phase == LOAD_OPEN && s->is_stalled)
		stream_watch(l, s, EPOLL_CTL_MOD, 0);
}

unsigned
load_turn(struct load *l, int timeout_ms)
{
	struct epoll_event events[STREAM_EVENTS];
	struct load_stream *s;
	int n, i;

	n = epoll_wait(l->epoll, events, STREAM_EVENTS, timeout_ms);
	if (n == -1 && errno != EINTR)
		measure_die("epoll_wait: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		s = events[i].data.ptr;
		if (s->phase == LOAD_CONNECTING)
			stream_check_connect(l, s);
		else if (s->phase == LOAD_HEAD || s->phase == LOAD_OPEN)
			stream_read(l, s);
	}
	return n > 0 ? (unsigned)n : 0;
}

void
load_open_all(struct load *l)
{
	const struct load_options *o = &l->options;
	uint64_t end = measure_ns() + (uint64_t)o->limit_s * 1000000000;

	l->started = 0;
	while (l->counts.opened + l->counts.failed < o->streams) {
		while (l->started < o->streams && l->in_flight < o->in_flight &&
		    stream_connect(l, &l->streams[l->started]) == 0)
			l->started++;
		load_turn(l, 1);
		if (measure_ns() > end)
			measure_die("%llu of %u streams opened, %llu failed",
			    (unsigned long long)l->counts.opened, o->streams,
			    (unsigned long long)l->counts.failed);
	}
}

void
load_close_all(struct load *l)
{
	unsigned i;

	for (i = 0; i < l->options.streams; i++)
		stream_close(l, &l->streams[i], false);
	l->in_flight = 0;
}
