/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A connection reads requests, one after the other, and has an exchange serve
 * each.  It is in one of four states: it reads, or writes what it has queued
 * (io is set, connection_process goes on); or it waits for a hub's reply
 * (asking is set, io is not, so the next request stays in the socket); or it
 * holds a stream back, which may be written elsewhere (connection_pass.c goes
 * on); or a stream has its descriptor, and the structure is gone.
 *
 * For the exchange a connection is the attachment: connection_attachment has
 * what it does.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/flush.h"
#include "base/log.h"
#include "base/loop.h"
#include "door/aside.h"
#include "door/connection_part.h"
#include "door/fcgi.h"
#include "door/handoff.h"
#include "door/record.h"
#include "door/uplink.h"
#include "request/body.h"

enum {
	CONNECTION_READ_BYTES = 65536
};

static void connection_io_cb(evutil_socket_t, short, void *);
static void connection_process(struct connection *);

/* Queues the exchange's answer, in records for the gate's request. */
static int
connection_answer(void *arg, const struct buffer *response)
{
	struct connection *c = arg;

	if (record_append_stdout(&c->out, c->gate.request_id, response->data,
		response->len) == -1 ||
	    record_append_finish(&c->out, c->gate.request_id) == -1)
		return -1;
	connection_finish_request(c);
	return 0;
}

/*
 * Goes on after what was waited for: there is an answer, or none, for want of
 * memory.
 */
static void
connection_resume(struct connection *c, enum exchange_state state)
{
	exchange_free(c->exchange);
	c->exchange = NULL;
	if (state == EXCHANGE_FAILED || connection_watch(c, false) == -1)
		connection_close(c);
	else
		connection_process(c);
}

/* Goes on with a stream that was held, unless it is held still, or gone. */
static void
connection_held(struct connection *c, enum exchange_state state)
{
	if (state != EXCHANGE_WAITS)
		connection_resume(c, state);
}

/*
 * There is no reply of the hub.  If it may have the descriptor, and open a
 * stream on it later, the connection is not kept, and connection_close shuts it
 * down for the hub, too.
 */
static void
connection_give_up(struct connection *c, bool is_shared)
{
	c->is_shared = is_shared;
	if (is_shared)
		c->gate.keep = false;
	c->asking = NULL;
	connection_resume(c, exchange_give_up(c->exchange));
}

static void
connection_time_out(struct connection *c)
{
	bool was_sent = uplink_forget(c->asked, c->asking);

	log_warning("no answer of a hub within request-timeout");
	connection_give_up(c, was_sent && c->hands_over);
}

static void
connection_deadline_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	c->has_deadline = false;
	if (c->door->sources.hub != NULL)
		hub_now(c->door->sources.hub);
	if (c->is_holding)
		connection_held(c, connection_hold_over(c));
	else if (c->asking != NULL)
		connection_time_out(c);
	else
		connection_break(c, "no request within request-timeout");
}

/*
 * The hub in another process has replied to a handoff.  If it has opened the
 * stream, it has the client's descriptor, and ours is closed.
 */
static void
connection_handoff_cb(void *arg, const char *reply, size_t len)
{
	struct connection *c = arg;
	struct door *door = c->door;
	struct opening_result result;
	enum exchange_state state;

	if (reply == NULL) {
		connection_give_up(c, true);
		return;
	}
	c->asking = NULL;
	handoff_read_reply(reply, len, &result);
	if (result.refusal.status == 503)
		log_warning("the hub does not take a stream: %s",
		    result.refusal.text);
	state = exchange_opened(c->exchange, &result);
	if (state != EXCHANGE_STREAMS) {
		connection_resume(c, state);
		return;
	}
	connection_close(c);
	if (door->handed_off_cb != NULL)
		door->handed_off_cb(door->handed_off_arg);
}

/* The hub's queue has replied to a question. */
static void
connection_reply_cb(void *arg, const char *reply, size_t len)
{
	struct connection *c = arg;

	c->asking = NULL;
	connection_resume(c, exchange_replied(c->exchange, reply, len));
}

/* Sends a line to the hub, and fd with it unless that is -1. */
static enum exchange_state
connection_send(struct connection *c, struct buffer *line, int fd, bool repeat,
    uplink_reply_cb *reply_cb)
{
	c->asked =
	    aside_choose(c->door, fd == -1 && exchange_is_patient(c->exchange));
	c->asking = uplink_send(c->asked, line, fd, repeat, reply_cb, c);
	if (c->asking == NULL)
		return EXCHANGE_FAILED;
	c->hands_over = fd != -1;
	/*
	 * The hub may get this descriptor: bytes that the web server sends
	 * meanwhile must stay in the socket, to be read by the one that has it.
	 */
	connection_unwatch(c);
	/* The hub has all of request-timeout, not what the request left. */
	connection_set_deadline(c, false);
	connection_set_deadline(c, true);
	return EXCHANGE_WAITS;
}

/* Asks the hub's queue the exchange's question. */
static enum exchange_state
connection_ask(void *arg, struct buffer *line, bool is_repeatable)
{
	return connection_send(arg, line, -1, is_repeatable,
	    connection_reply_cb);
}

/* Hands a stream over to the hub in another process. */
static enum exchange_state
connection_hand_off(struct connection *c, const struct opening *opening)
{
	enum exchange_state state = EXCHANGE_FAILED;
	struct buffer line = { 0 };

	if (handoff_put(&line, opening, HANDOFF_FASTCGI) == 0)
		state = connection_send(c, &line, c->fd,
		    opening_is_repeatable(opening), connection_handoff_cb);
	buffer_clear(&line);
	return state;
}

/* Where the stream is written to, and how. */
static void
connection_set_wire(const struct connection *c, struct subscription *sub)
{
	if (c->exchange->has_head)
		sub->from = &c->held_from;
	if (c->client != -1) {
		sub->fd = c->client;
		sub->framing = &c->door->passed;
		return;
	}
	sub->fd = c->fd;
	sub->framing = &c->door->framing;
	sub->request_id = c->gate.request_id;
	sub->keep = c->gate.keep;
	sub->input.text = c->in.data;
	sub->input.len = c->in.len;
}

/* Opens the exchange's stream, here or, by a handoff, in the hub's process. */
static enum exchange_state
connection_open_stream(void *arg, struct opening *opening)
{
	struct connection *c = arg;
	struct subscription *sub = &opening->sub;
	struct opening_result result;

	if (connection_may_hold(c, opening))
		return connection_hold(c, sub->head);
	connection_set_wire(c, sub);
	if (c->door->sources.hub == NULL)
		return connection_hand_off(c, opening);
	/* epoll knows a descriptor once: ours goes before the hub's comes. */
	if (sub->fd == c->fd)
		connection_unwatch(c);
	sources_open(&c->door->sources, opening, &result);
	return exchange_opened(c->exchange, &result);
}

static const struct exchange_attachment connection_attachment = {
	.answer = connection_answer,
	.open = connection_open_stream,
	.ask = connection_ask,
};

/* 0, or the status that refuses the gate's request as it has come. */
static int
connection_check(const struct connection *c)
{
	if (c->gate.params_too_large)
		return 431;
	if (c->gate.body_too_large)
		return 413;
	return body_check_length(&c->exchange->request,
	    c->door->config->max_request_bytes);
}

/* Has an exchange serve the gate's request. */
static enum exchange_state
connection_serve(struct connection *c)
{
	const struct door *door = c->door;
	enum exchange_state state;
	struct exchange *ex;

	c->door->counters.requests++;
	ex = exchange_new(door->config, &connection_attachment, c);
	c->exchange = ex;
	if (ex == NULL ||
	    fcgi_decode(c->gate.params.data, c->gate.params.len,
		&ex->request) == -1)
		return EXCHANGE_FAILED;
	ex->request.body.text = c->gate.body.data;
	ex->request.body.len = c->gate.body.len;
	if (c->is_surplus) {
		ex->trouble = CONNECTION_SURPLUS;
		c->gate.keep = false;
	}
	ex->is_padded = door->handed_off_cb != NULL;
	ex->door =
	    door->sources.hub == NULL ? door->handed.name : door->framing.name;
	state = exchange_serve(ex, connection_check(c));
	if (exchange_is_refused(ex))
		c->door->counters.refused++;
	if (state != EXCHANGE_ANSWERED)
		return state;
	exchange_free(ex);
	c->exchange = NULL;
	return state;
}

/*
 * Waits for more input, or for the web server to read; with a deadline, unless
 * a connection that is kept is idle.
 */
static void
connection_wait(struct connection *c)
{
	bool is_idle = c->out.len == 0 && c->in.len == 0 &&
	    c->gate.phase == GATE_IDLE && c->is_kept && !c->is_surplus;

	connection_set_deadline(c, !is_idle);
	connection_set_idle(c, is_idle);
	if ((c->io == NULL || c->is_writing != (c->out.len > 0)) &&
	    connection_watch(c, c->out.len > 0) == -1)
		connection_close(c);
}

/*
 * Lets the gate take records, up to the end of a request, and append to out
 * what they call for.  False: it needs more input for that.
 */
static bool
connection_feed(struct connection *c, enum gate_result *result)
{
	struct gate_limits limits = { .max_request_bytes =
					  c->door->config->max_request_bytes,
		.max_connections = c->door->max_connections };

	*result = gate_feed(&c->gate, &limits, &c->in, &c->out);
	c->is_over = *result == GATE_OVER;
	c->is_kept = c->is_kept || c->out.len > 0;
	c->has_request = *result == GATE_REQUEST;
	return *result != GATE_MORE || c->out.len > 0;
}

/*
 * Serves the request that the gate has.  False: nothing more is to be done now,
 * for the connection waits for the hub, or is gone.
 */
static bool
connection_take_request(struct connection *c)
{
	c->has_request = false;
	switch (connection_serve(c)) {
	case EXCHANGE_ANSWERED:
		return true;
	case EXCHANGE_STREAMS:
		connection_release(c);
		return false;
	case EXCHANGE_WAITS:
		if (c->is_holding)
			connection_hold_send(c);
		return false;
	default:
		connection_break(c, "a request that cannot be read");
		return false;
	}
}

/*
 * Goes on with what is queued and what was read, one request after the other,
 * each as soon as all before it is sent.  May free the connection.
 */
static void
connection_process(struct connection *c)
{
	enum gate_result result;
	int sent;

	/* 1. Send what is queued; nothing else happens before that. */
	while ((sent = flush_buffer(c->fd, &c->out)) == 1) {
		/* 2. Close, if that was the last answer on this connection. */
		if (c->is_over) {
			connection_close(c);
			return;
		}
		/* 3. Take records, up to the end of a request. */
		if (!c->has_request) {
			if (!connection_feed(c, &result))
				break;
			if (result == GATE_BAD) {
				connection_break(c, "not a FastCGI request");
				return;
			}
			/* Answers of the gate itself go out first. */
			if (c->out.len > 0)
				continue;
		}
		/* 4. Serve the request. */
		if (!connection_take_request(c))
			return;
	}
	/* 5. Wait for more input, or for room to send. */
	if (sent == -1)
		connection_close(c);
	else
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
	connection_set_idle(c, false);
	connection_process(c);
}

static bool
connection_is_busy(const struct connection *c)
{
	return c->asking != NULL || c->is_holding || c->has_request ||
	    c->in.len > 0 || c->out.len > 0 || c->gate.phase != GATE_IDLE;
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
	if (c->door->sources.hub != NULL)
		hub_now(c->door->sources.hub);
	if (c->is_holding && (what & EV_READ) != 0)
		connection_held(c, connection_hold_receive(c));
	else if (c->is_holding)
		connection_hold_send(c);
	else if (what & EV_READ)
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
	c->client = -1;
	c->ready_cb = connection_io_cb;
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
		connection_make_room(c);
		/*
		 * A web server connects when it has a request, which mostly is
		 * there already: reading at once saves a turn of the loop.
		 */
		connection_io_cb(fd, EV_READ, c);
		return;
	}
	if (connection_watch(c, false) == -1) {
		connection_close(c);
		return;
	}
	/* The loop goes on: this may be called from within a stream's end. */
	if (input.len > 0)
		event_active(c->io, EV_TIMEOUT, 0);
	connection_set_idle(c, input.len == 0);
	connection_make_room(c);
}
