/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <poll.h>

#include <apr_portable.h>

#include <httpd.h>
#include <http_core.h>

#include "apache/child.h"
#include "apache/feed.h"
#include "apache/hold.h"

enum {
	/* How long a leaving over HTTP/2, and a stop, are not noticed. */
	TICK_MS = 250,
	READ_SIZE = 16 * 1024
};

/* The client's socket; -1: over HTTP/2 it is not the stream's own. */
static int
hold_client(conn_rec *c)
{
	apr_os_sock_t fd;

	if (c->master != NULL ||
	    apr_os_sock_get(&fd, ap_get_conn_socket(c)) != APR_SUCCESS)
		return -1;
	return fd;
}

/* One wait and what came of it; -1: the stream is over. */
static int
hold_turn(struct feed *f, struct upstream *u, int client)
{
	int blocked = feed_is_blocked(f);
	struct pollfd p[2] = {
		{ .fd = u->fd, .events = blocked ? 0 : POLLIN },
		{ .fd = client, .events = POLLRDHUP | (blocked ? POLLOUT : 0) },
	};
	char data[READ_SIZE];
	ssize_t n;

	if (poll(p, 2, TICK_MS) <= 0)
		return f->r->connection->aborted ? -1 : 0;
	if (p[1].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) {
		f->r->connection->aborted = 1;
		return -1;
	}
	if (p[1].revents & POLLOUT)
		return feed_push(f);
	if (p[0].revents == 0)
		return 0;
	n = upstream_read(u, data, sizeof(data));
	return n > 0 ? feed_put(f, data, (size_t)n) : (int)n;
}

void
hold_stream(request_rec *r, struct upstream *u, const char *data, size_t len)
{
	struct feed f;
	int client = hold_client(r->connection);
	int status;

	feed_init(&f, r);
	status = feed_put(&f, data, len);
	while (status == 0 && child_state() == CHILD_RUNS)
		status = hold_turn(&f, u, client);
	if (status == 0)
		feed_put_retry(&f);
	upstream_close(u);
}
