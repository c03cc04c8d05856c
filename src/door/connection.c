/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/flush.h"
#include "base/log.h"
#include "door/connection.h"
#include "door/fcgi.h"
#include "door/gate.h"
#include "door/handoff.h"
#include "door/record.h"
#include "door/uplink.h"
#include "request/exchange.h"
#include "source/program_stream.h"

enum {
	CONNECTION_READ_BYTES = 65536,
	CONNECTION_WHY_SIZE = 256
};

/* What becomes of a connection whose request is not answered here and now. */
enum {
	CONNECTION_STREAMS = 1, /* the hub has the descriptor */
	CONNECTION_ASKS = 2     /* the hub was asked, and will answer */
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
	bool is_shared;   /* the hub may have the descriptor, too */
	bool has_deadline;
	struct gate gate;
	struct exchange *exchange;     /* the request that is served, or NULL */
	struct uplink_request *asking; /* the hub, or NULL */
	bool hands_over;               /* it gets the descriptor */
	struct buffer in, out;
};

static void connection_io_cb(evutil_socket_t, short, void *);
static void connection_process(struct connection *);
static void connection_set_deadline(struct connection *, bool on);
static int connection_watch(struct connection *, bool writing);

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
	if (c->asking != NULL)
		uplink_forget(c->door->uplink, c->asking);
	exchange_free(c->exchange);
	gate_reset(&c->gate);
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	free(c);
}

void
connection_close(struct connection *c)
{
	int fd = c->fd;

	/* What was said is the last word, whoever else would say more. */
	if (c->is_shared)
		shutdown(fd, SHUT_RDWR);
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

/* What was appended by one of exchange_put_*, or -1. */
static int
connection_finish(struct connection *c, int rc, struct buffer *response)
{
	if (rc == 0)
		rc = connection_answer(c, response);
	buffer_clear(response);
	exchange_free(c->exchange);
	c->exchange = NULL;
	return rc;
}

/* Goes on after an answer that was waited for; rc is connection_finish's. */
static void
connection_resume(struct connection *c, int rc)
{
	if (rc == -1 || connection_watch(c, false) == -1)
		connection_close(c);
	else
		connection_process(c);
}

/*
 * The hub does not answer.  It may have the descriptor, and open a stream on
 * it later: the connection is not kept then, and is shut down for it, too.
 */
static void
connection_give_up(struct connection *c)
{
	struct buffer b = { 0 };
	int rc;

	c->is_shared =
	    uplink_forget(c->door->uplink, c->asking) && c->hands_over;
	if (c->is_shared)
		c->gate.keep = false;
	c->asking = NULL;
	log_warning("no answer of a hub within request-timeout");
	rc = exchange_put_later(c->exchange, "crierd is not there", &b);
	connection_resume(c, connection_finish(c, rc, &b));
}

static void
connection_deadline_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	c->has_deadline = false;
	if (c->asking != NULL)
		connection_give_up(c);
	else
		connection_break(c, "no request within request-timeout");
}

static void
connection_set_deadline(struct connection *c, bool on)
{
	uint64_t ms = c->door->config->request_timeout_ms;
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

/* Until it is watched again, which connection_wait sees to. */
static void
connection_unwatch(struct connection *c)
{
	if (c->io != NULL)
		event_free(c->io);
	c->io = NULL;
}

static int
connection_answer_refusal(struct connection *c, enum hub_answer answer)
{
	struct buffer b = { 0 };

	return connection_finish(c,
	    exchange_put_refusal(c->exchange, answer, &b), &b);
}

/*
 * The hub has said what it does with the stream of another process: what is
 * opened there is closed here.
 */
static void
connection_handoff_cb(void *arg, const char *reply, size_t len)
{
	struct connection *c = arg;
	struct door *door = c->door;
	struct buffer b = { 0 };
	char why[CONNECTION_WHY_SIZE];
	int answer, rc;

	c->asking = NULL;
	if (reply == NULL) {
		connection_break(c, "the hub was lost");
		return;
	}
	answer = handoff_read_reply(reply, len, why, sizeof why);
	if (answer == HUB_OPENED) {
		connection_close(c);
		if (door->handed_off_cb != NULL)
			door->handed_off_cb(door->handed_off_arg);
		return;
	}
	if (answer == -1) {
		log_warning("the hub does not take a stream: %s", why);
		rc = connection_finish(c,
		    exchange_put_failure(c->exchange, why, &b), &b);
	} else {
		rc = connection_answer_refusal(c, (enum hub_answer)answer);
	}
	connection_resume(c, rc);
}

/* What the queue says of a question. */
static void
connection_reply_cb(void *arg, const char *reply, size_t len)
{
	struct connection *c = arg;
	struct buffer b = { 0 };
	int rc;

	c->asking = NULL;
	rc = reply == NULL
	    ? exchange_put_failure(c->exchange, "crierd was lost", &b)
	    : exchange_put_reply(c->exchange, reply, len, &b);
	connection_resume(c, connection_finish(c, rc, &b));
}

/* Sends a line to the hub; fd goes with it, or -1.  CONNECTION_ASKS or -1. */
static int
connection_send(struct connection *c, struct buffer *line, int fd, bool repeat,
    uplink_reply_cb *reply_cb)
{
	c->asking = uplink_send(c->door->uplink, line, fd, repeat, reply_cb, c);
	if (c->asking == NULL)
		return -1;
	c->hands_over = fd != -1;
	/* What comes meanwhile is for whoever has the connection then. */
	connection_unwatch(c);
	/* What was left for the request is not what the hub has. */
	connection_set_deadline(c, false);
	connection_set_deadline(c, true);
	return CONNECTION_ASKS;
}

static int
connection_ask(struct connection *c)
{
	struct buffer line = { 0 };
	int rc = exchange_put_question(c->exchange, &line);

	if (rc == 0)
		rc = connection_send(c, &line, -1,
		    exchange_is_repeatable(c->exchange), connection_reply_cb);
	buffer_clear(&line);
	return rc;
}

/* Gives the request to the hub in another process: CONNECTION_ASKS or -1. */
static int
connection_hand_off(struct connection *c, const struct subscription *sub)
{
	const struct exchange *ex = c->exchange;
	struct buffer line = { 0 };
	int rc = handoff_put(&line, sub, HANDOFF_FASTCGI,
	    ex->route.config->kind == CONFIG_ROUTE_RUN ? ex->route.config
						       : NULL,
	    &ex->request);

	if (rc == 0)
		rc = connection_send(c, &line, c->fd, true,
		    connection_handoff_cb);
	buffer_clear(&line);
	return rc;
}

/* A program that cannot be started, and why. */
static int
connection_fail(struct connection *c, char *cause)
{
	const char *why = cause_text(cause);
	struct buffer b = { 0 };
	int rc;

	rc = connection_finish(c, exchange_put_failure(c->exchange, why, &b),
	    &b);
	free(cause);
	return rc;
}

static int
connection_open_stream(struct connection *c, struct subscription *sub)
{
	const struct exchange *ex = c->exchange;
	const struct door *door = c->door;
	char *cause = NULL;
	int answer;

	/* The loop knows a descriptor once: it must be ours no longer. */
	connection_unwatch(c);
	if (ex->route.config->kind == CONFIG_ROUTE_RUN)
		answer = program_stream_subscribe(door->hub, door->programs,
		    ex->route.config, &ex->request, sub, &cause);
	else
		answer = (int)hub_subscribe(door->hub, sub);
	if (answer == HUB_OPENED)
		return CONNECTION_STREAMS;
	if (answer == -1)
		return connection_fail(c, cause);
	return connection_answer_refusal(c, (enum hub_answer)answer);
}

static int
connection_subscribe(struct connection *c)
{
	struct buffer head = { 0 }, end = { 0 };
	struct subscription sub = { .fd = c->fd,
		.framing = &c->door->framing,
		.request_id = c->gate.request_id,
		.keep = c->gate.keep,
		.input = { c->in.data, c->in.len } };
	int rc = exchange_put_subscription(c->exchange, &sub, &head, &end);

	if (rc == 0)
		rc = c->door->hub == NULL ? connection_hand_off(c, &sub)
					  : connection_open_stream(c, &sub);
	buffer_clear(&head);
	buffer_clear(&end);
	return rc;
}

static int
connection_refuse_or_tell(struct connection *c)
{
	struct buffer b = { 0 };

	if (c->exchange->route.kind == ROUTE_REFUSAL)
		c->door->counters.refused++;
	return connection_finish(c, exchange_put_answer(c->exchange, &b), &b);
}

static int
connection_too_large(const struct connection *c)
{
	if (c->gate.params_too_large)
		return 431;
	return c->gate.body_too_large ? 413 : 0;
}

/*
 * Serves the gate's request.  0: answered; -1: it cannot be read, or memory;
 * or what becomes of the connection.
 */
static int
connection_serve(struct connection *c)
{
	struct exchange *ex = exchange_new(c->door->config);

	c->door->counters.requests++;
	c->exchange = ex;
	if (ex == NULL ||
	    fcgi_decode(c->gate.params.data, c->gate.params.len,
		&ex->request) == -1)
		return -1;
	ex->request.body.text = c->gate.body.data;
	ex->request.body.len = c->gate.body.len;
	ex->is_padded = c->door->handed_off_cb != NULL;
	exchange_decide(ex, connection_too_large(c));
	if (exchange_is_stream(ex))
		return connection_subscribe(c);
	if (exchange_is_question(ex))
		return connection_ask(c);
	return connection_refuse_or_tell(c);
}

/* For more input, or for the peer to read; not for ever. */
static void
connection_wait(struct connection *c)
{
	connection_set_deadline(c,
	    c->out.len > 0 || c->in.len > 0 || c->gate.phase != GATE_IDLE ||
		!c->is_kept);
	if ((c->io == NULL || c->is_writing != (c->out.len > 0)) &&
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
	struct gate_limits limits = { .max_request_bytes =
					  c->door->config->max_request_bytes,
		.max_connections = c->door->max_connections };
	enum gate_result result;
	int sent, served;

	for (;;) {
		if ((sent = flush_buffer(c->fd, &c->out)) == -1) {
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
		served = connection_serve(c);
		if (served == CONNECTION_ASKS)
			return;
		if (served == CONNECTION_STREAMS) {
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
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		connection_wait(c);
		return;
	}
	if (n <= 0) {
		connection_close(c);
		return;
	}
	buffer_commit(&c->in, (size_t)n);
	connection_process(c);
}

static bool
connection_is_busy(const struct connection *c)
{
	return c->asking != NULL || c->has_request || c->in.len > 0 ||
	    c->out.len > 0 || c->gate.phase != GATE_IDLE;
}

bool
connection_any_is_busy(const struct door *door)
{
	const struct connection *c;

	TAILQ_FOREACH(c, &door->connections, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (connection_is_busy(c))
			return true;
	return false;
}

static void
connection_io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	if (c->door->hub != NULL)
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
	if (c->deadline == NULL ||
	    buffer_append(&c->in, input.text, input.len) == -1) {
		connection_close(c);
		return;
	}
	if (!kept) {
		/* A web server connects to ask: mostly it has done so. */
		connection_io_cb(fd, EV_READ, c);
		return;
	}
	if (connection_watch(c, false) == -1) {
		connection_close(c);
		return;
	}
	/* Later: this may be called from within the end of another request. */
	if (input.len > 0)
		event_active(c->io, EV_TIMEOUT, 0);
}
