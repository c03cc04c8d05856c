/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "door/answer.h"
#include "door/connection.h"
#include "door/fcgi.h"
#include "door/gate.h"
#include "door/record.h"
#include "door/route.h"

enum {
	CONNECTION_READ_BYTES = 65536,
	CONNECTION_RETRY_MS = 5000 /* for whom there is no place now */
};

struct connection {
	TAILQ_ENTRY(connection) link;
	struct door *door;
	struct event *io, *deadline;
	int fd;
	bool is_writing;
	bool is_kept;     /* served a request before, and may idle */
	bool has_request; /* in the gate, served when out is sent */
	bool is_over;     /* closes when out is sent */
	bool has_deadline;
	struct gate gate;
	struct buffer in, out;
};

static void connection_io_cb(evutil_socket_t, short, void *);

/* Gives up the structure, not the descriptor. */
static void
connection_release(struct connection *c)
{
	TAILQ_REMOVE(&c->door->connections, c, link);
	c->door->connection_count--;
	if (c->io != NULL)
		event_free(c->io);
	if (c->deadline != NULL)
		event_free(c->deadline);
	gate_reset(&c->gate);
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	free(c);
}

void
connection_close(struct connection *c)
{
	int fd = c->fd;

	connection_release(c);
	close(fd);
}

static void
connection_break(struct connection *c, const char *why)
{
	log_debug("FastCGI connection closed: %s", why);
	c->door->counters.broken++;
	connection_close(c);
}

static void
connection_deadline_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_break(arg, "no request within request-timeout");
}

static void
connection_set_deadline(struct connection *c, bool on)
{
	uint64_t ms = c->door->hub->config->request_timeout_ms;
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	if (on == c->has_deadline)
		return;
	c->has_deadline = on;
	if (on)
		event_add(c->deadline, &tv);
	else
		event_del(c->deadline);
}

static int
connection_watch(struct connection *c, bool writing)
{
	short what = writing ? EV_WRITE | EV_PERSIST : EV_READ | EV_PERSIST;

	if (c->io != NULL)
		event_free(c->io);
	c->is_writing = writing;
	c->io = event_new(c->door->base, c->fd, what, connection_io_cb, c);
	if (c->io == NULL)
		return -1;
	return event_add(c->io, NULL);
}

/* 1: all is sent, 0: the rest waits, -1: the peer is gone. */
static int
connection_flush(struct connection *c)
{
	ssize_t n;

	while (c->out.len > 0) {
		n = write(c->fd, c->out.data, c->out.len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		buffer_consume(&c->out, (size_t)n);
	}
	return 1;
}

/* Queues a short answer (a CGI response) to the gate's request. */
static int
connection_answer(struct connection *c, const struct buffer *response)
{
	if (record_append_stdout(&c->out, c->gate.request_id, response->data,
		response->len) == -1 ||
	    record_append_finish(&c->out, c->gate.request_id) == -1)
		return -1;
	c->is_over = !c->gate.keep;
	c->is_kept = true;
	connection_set_deadline(c, false);
	gate_reset(&c->gate);
	return 0;
}

static uint64_t
connection_jitter(uint64_t ms)
{
	return ms / 2 + loop_random(ms);
}

static int
connection_answer_refusal(struct buffer *b,
    const struct answer_context *context, enum hub_answer answer)
{
	uint64_t retry_ms = connection_jitter(CONNECTION_RETRY_MS);

	switch (answer) {
	case HUB_STOPPED:
		return answer_stop(b, context);
	case HUB_FULL:
		return answer_later(b, context, retry_ms,
		    "crierd is full (max-streams)");
	case HUB_DRAINING:
		return answer_later(b, context, retry_ms, "crierd is stopping");
	default:
		return answer_later(b, context, retry_ms,
		    "crierd is out of memory");
	}
}

/* 1: the hub has the descriptor now; 0: answered; -1: out of memory. */
static int
connection_subscribe(struct connection *c, const struct request *request,
    const struct route *route, const struct answer_context *context)
{
	struct buffer head = { 0 };
	const char *user = request_get(request, "REMOTE_USER");
	const char *address = request_get(request, "REMOTE_ADDR");
	struct subscription sub = { .fd = c->fd,
		.framing = &c->door->framing,
		.request_id = c->gate.request_id,
		.keep = c->gate.keep,
		.channels = route->channels,
		.channel_count = route->channel_count,
		.since = { route->since, route->since_len },
		.since_all = route->since_all,
		.has_last = route->has_last,
		.last = route->last,
		.input = { c->in.data, c->in.len },
		.user = { user, strlen(user) },
		.address = { address, strlen(address) } };
	enum hub_answer answer;
	int rc = -1;

	if (answer_stream(&head, context, route->padding) == -1)
		goto out;
	sub.head.text = head.data;
	sub.head.len = head.len;
	/* The loop knows a descriptor once: it must be ours no longer. */
	event_del(c->io);
	answer = hub_subscribe(c->door->hub, &sub);
	if (answer == HUB_OPENED) {
		rc = 1;
		goto out;
	}
	if (event_add(c->io, NULL) == -1)
		goto out;
	buffer_truncate(&head, 0);
	if (connection_answer_refusal(&head, context, answer) == 0)
		rc = connection_answer(c, &head);
out:
	buffer_clear(&head);
	return rc;
}

static int
connection_answer_route(struct connection *c, const struct route *route,
    const struct answer_context *context)
{
	struct buffer b = { 0 };
	int rc;

	switch (route->kind) {
	case ROUTE_PREFLIGHT:
		rc = answer_options(&b, context);
		break;
	case ROUTE_HEAD:
		rc = answer_stream(&b, context, 0);
		break;
	case ROUTE_PUBLISH:
	case ROUTE_STATUS:
	case ROUTE_PRESENCE:
	case ROUTE_RUN:
		rc = answer_error(&b, context, 503, "not built yet");
		break;
	default:
		c->door->counters.refused++;
		rc = answer_error(&b, context, route->status, route->error);
		break;
	}
	if (rc == 0)
		rc = connection_answer(c, &b);
	buffer_clear(&b);
	return rc;
}

/* Of a request that was too large only its id is left. */
static void
connection_route(struct connection *c, const struct request *request,
    struct route *route)
{
	const struct config *config = c->door->hub->config;

	if (!c->gate.params_too_large && !c->gate.body_too_large) {
		route_decide(request, config, route);
		return;
	}
	memset(route, 0, sizeof *route);
	route->kind = ROUTE_REFUSAL;
	route->status = c->gate.params_too_large ? 431 : 413;
	strcpy(route->error, "the request is larger than max-request");
}

/* Serves the gate's request: as connection_subscribe. */
static int
connection_serve(struct connection *c)
{
	struct request request = { 0 };
	struct route route;
	struct answer_context context = { .config = c->door->hub->config };
	int rc;

	c->door->counters.requests++;
	if (fcgi_decode(c->gate.params.data, c->gate.params.len, &request) ==
	    -1) {
		request_clear(&request);
		return -1;
	}
	request.body.text = c->gate.body.data;
	request.body.len = c->gate.body.len;
	context.origin = request_get(&request, "HTTP_ORIGIN");
	context.is_head =
	    strcmp(request_get(&request, "REQUEST_METHOD"), "HEAD") == 0;
	connection_route(c, &request, &route);
	context.allow = route.allow;
	if (route.kind == ROUTE_STREAM)
		rc = connection_subscribe(c, &request, &route, &context);
	else
		rc = connection_answer_route(c, &route, &context);
	route_clear(&route);
	request_clear(&request);
	return rc;
}

/* For more input, or for the peer to read; not for ever. */
static void
connection_wait(struct connection *c)
{
	connection_set_deadline(c,
	    c->out.len > 0 || c->in.len > 0 || c->gate.phase != GATE_IDLE ||
		!c->is_kept);
	if (c->is_writing != (c->out.len > 0) &&
	    connection_watch(c, c->out.len > 0) == -1)
		connection_close(c);
}

/*
 * Takes what was read through the gate, one request after the other, each as
 * soon as all before it is sent.  Frees the connection if it ends.
 */
static void
connection_process(struct connection *c)
{
	struct gate_limits limits = {
		.max_request_bytes = c->door->hub->config->max_request_bytes,
		.max_connections = c->door->hub->max_streams
	};
	enum gate_result result;
	int sent, served;

	for (;;) {
		if ((sent = connection_flush(c)) == -1) {
			connection_close(c);
			return;
		}
		if (sent == 0)
			break;
		if (c->is_over) {
			connection_close(c);
			return;
		}
		if (!c->has_request) {
			result = gate_feed(&c->gate, &limits, &c->in, &c->out);
			if (result == GATE_BAD) {
				connection_break(c, "not a FastCGI request");
				return;
			}
			c->is_over = result == GATE_OVER;
			c->is_kept = c->is_kept || c->out.len > 0;
			c->has_request = result == GATE_REQUEST;
			if (c->out.len > 0)
				continue;
			if (result == GATE_MORE)
				break;
		}
		c->has_request = false;
		if ((served = connection_serve(c)) == 1) {
			connection_release(c);
			return;
		}
		if (served == -1) {
			connection_break(c, "a request that cannot be read");
			return;
		}
	}
	connection_wait(c);
}

static void
connection_read(struct connection *c)
{
	char *to = buffer_reserve(&c->in, CONNECTION_READ_BYTES);
	ssize_t n;

	if (to == NULL) {
		connection_break(c, "out of memory");
		return;
	}
	n = read(c->fd, to, CONNECTION_READ_BYTES);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_close(c);
		return;
	}
	buffer_commit(&c->in, (size_t)n);
	connection_process(c);
}

static void
connection_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	hub_now(c->door->hub);
	if (what & EV_READ)
		connection_read(c);
	else
		connection_process(c);
}

void
connection_open(struct door *door, int fd, bool kept, struct text_span input)
{
	struct connection *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	c->door = door;
	c->fd = fd;
	c->is_kept = kept;
	TAILQ_INSERT_TAIL(&door->connections, c, link);
	door->connection_count++;
	c->deadline = event_new(door->base, -1, 0, connection_deadline_cb, c);
	if (c->deadline == NULL || connection_watch(c, false) == -1 ||
	    buffer_append(&c->in, input.text, input.len) == -1) {
		connection_close(c);
		return;
	}
	connection_set_deadline(c, !kept);
	/* Later: this may be called from within the end of another request. */
	if (input.len > 0)
		event_active(c->io, EV_TIMEOUT, 0);
}
