/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A stream that is held back until it is known where it is to be written: to
 * its client's own socket, or to this connection (pass.h).  All that could
 * refuse it is asked before its head is sent; it is opened when that is known,
 * from the position at which its head was sent, so that nothing is left out
 * that is published meanwhile.  If it cannot be opened after all, for the last
 * place was taken, it ends at once, with a `retry:`.
 */

#include <errno.h>
#include <unistd.h>

#include "base/flush.h"
#include "base/loop.h"
#include "door/connection_part.h"
#include "door/pass.h"

bool
connection_may_hold(const struct connection *c, const struct opening *opening)
{
	const struct exchange *ex = c->exchange;

	return c->door->sources.hub != NULL && !ex->has_head &&
	    c->in.len == 0 && pass_is_offered(&ex->request, c->fd) &&
	    sources_would_open(&c->door->sources, opening);
}

enum exchange_state
connection_hold(struct connection *c, struct text_span head)
{
	if (pass_put_head(&c->out, c->gate.request_id, head) == -1)
		return EXCHANGE_FAILED;
	c->exchange->has_head = true;
	c->is_holding = true;
	c->held_from = hub_position(c->door->sources.hub);
	return EXCHANGE_WAITS;
}

/*
 * The stream is written to the client's socket: the request is over, as far as
 * this connection is concerned.
 */
static enum exchange_state
connection_hold_passed(struct connection *c)
{
	if (pass_put_taken(&c->out, c->gate.request_id) == -1)
		return EXCHANGE_FAILED;
	connection_finish_request(c);
	return EXCHANGE_ANSWERED;
}

/* Opens the stream; client is its descriptor, or -1: this connection. */
static enum exchange_state
connection_hold_end(struct connection *c, int client)
{
	enum exchange_state state;

	c->is_holding = false;
	connection_set_deadline(c, false);
	/* A hub in another process gets the connection, as ever. */
	if (client != -1 && c->door->sources.hub == NULL) {
		close(client);
		client = -1;
	}
	c->client = client;
	state = exchange_go_on(c->exchange);
	c->client = -1;
	if (state == EXCHANGE_STREAMS && client != -1)
		return connection_hold_passed(c);
	if (client != -1)
		close(client);
	if (state != EXCHANGE_STREAMS)
		return state;
	connection_release(c);
	return EXCHANGE_WAITS;
}

enum exchange_state
connection_hold_receive(struct connection *c)
{
	int client;
	ssize_t n = pass_receive(c->fd, c->gate.request_id, &c->in, &client);

	if (n > 0)
		return connection_hold_end(c, client);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		connection_close(c);
	return EXCHANGE_WAITS;
}

void
connection_hold_send(struct connection *c)
{
	int sent = flush_buffer(c->fd, &c->out);

	if (sent == -1 || connection_watch(c, sent == 0) == -1) {
		connection_close(c);
		return;
	}
	connection_set_deadline(c, false);
	connection_set_deadline(c, true);
	/* Only when the head is out the hold begins. */
	if (sent == 1)
		loop_set_timer(c->deadline, PASS_HOLD_MS);
}

enum exchange_state
connection_hold_over(struct connection *c)
{
	if (c->out.len == 0)
		return connection_hold_end(c, -1);
	/* Behind half a head nothing can follow. */
	connection_break(c, "the web server reads nothing");
	return EXCHANGE_WAITS;
}
