/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include <fastcgi.h>

#include "door/gate.h"
#include "door/pass.h"
#include "door/record.h"

void
gate_reset(struct gate *g)
{
	buffer_clear(&g->params);
	buffer_clear(&g->body);
	memset(g, 0, sizeof *g);
}

/* Records with request id 0 are about the connection (2.4, 4). */
static int
gate_take_management(const struct gate_limits *limits, const struct record *r,
    struct buffer *out)
{
	if (r->type == FCGI_GET_VALUES)
		return record_append_values(out, r, limits->max_connections);
	return record_append_unknown_type(out, r->type);
}

static bool
gate_pairs_at_start(const struct gate_pairs *p)
{
	return p->which == 0 && p->more == 0 && p->skip == 0;
}

/*
 * Takes one byte of a length, which is one byte below 128, or four of which the
 * first has the top bit set.
 */
static void
gate_pairs_length(struct gate_pairs *p, unsigned char byte)
{
	if (p->more > 0) {
		p->len[p->which] = p->len[p->which] << 8 | byte;
		p->more--;
	} else {
		p->len[p->which] = byte & 0x7f;
		p->more = byte & 0x80 ? 3 : 0;
	}
	if (p->more == 0)
		p->which++;
}

/*
 * Follows the lengths of the pairs. libfcgi adds a pair's two lengths as ints,
 * and aborts the process if it cannot allocate the sum; so it must not see a
 * pair that is longer than the request may be.  0, or -1: there is one.
 */
static int
gate_pairs_feed(struct gate_pairs *p, size_t max, const char *at, size_t len)
{
	size_t part;

	while (len > 0) {
		if (p->skip > 0) {
			part = p->skip < len ? p->skip : len;
			p->skip -= part;
		} else {
			part = 1;
			gate_pairs_length(p, (unsigned char)*at);
		}
		at += part;
		len -= part;
		if (p->which < 2)
			continue;
		p->skip = (size_t)p->len[0] + p->len[1];
		p->which = 0;
		if (p->skip > max)
			return -1;
	}
	return 0;
}

static int
gate_take_begin(struct gate *g, const struct record *r, struct buffer *out)
{
	const unsigned char *body = (const unsigned char *)r->content;

	if (r->content_len != sizeof(FCGI_BeginRequestBody))
		return -1;
	/* One request at a time on a connection (5.5). */
	if (g->phase != GATE_IDLE)
		return r->request_id == g->request_id
		    ? -1
		    : record_append_end(out, r->request_id, FCGI_CANT_MPX_CONN);
	g->keep = (body[2] & FCGI_KEEP_CONN) != 0;
	if ((body[0] << 8 | body[1]) != FCGI_RESPONDER) {
		g->is_over = !g->keep;
		return record_append_end(out, r->request_id, FCGI_UNKNOWN_ROLE);
	}
	g->phase = GATE_PARAMS;
	g->request_id = r->request_id;
	return 0;
}

/*
 * Checks the pairs of a PARAMS record.  The empty one, which ends PARAMS, may
 * stand only where a pair has ended.
 */
static int
gate_check_pairs(struct gate *g, const struct gate_limits *limits,
    const struct record *r)
{
	if (g->params_too_large)
		return 0;
	if (r->content_len == 0)
		return gate_pairs_at_start(&g->pairs) ? 0 : -1;
	if (gate_pairs_feed(&g->pairs, limits->max_request_bytes, r->content,
		r->content_len) == -1)
		g->params_too_large = true;
	return 0;
}

/*
 * Gathers PARAMS or STDIN of the request in hand; what is too large is dropped.
 */
static int
gate_take_content(struct gate *g, const struct gate_limits *limits,
    const struct record *r)
{
	enum gate_phase phase =
	    r->type == FCGI_PARAMS ? GATE_PARAMS : GATE_STDIN;

	if (g->phase != phase)
		return -1;
	if (phase == GATE_PARAMS && gate_check_pairs(g, limits, r) == -1)
		return -1;
	if (r->content_len == 0)
		g->phase = phase == GATE_PARAMS ? GATE_STDIN : GATE_IDLE;
	g->content_bytes += r->content_len;
	if (g->content_bytes > limits->max_request_bytes) {
		if (phase == GATE_PARAMS)
			g->params_too_large = true;
		else
			g->body_too_large = true;
	}
	if (g->params_too_large || g->body_too_large) {
		buffer_clear(&g->params);
		buffer_clear(&g->body);
		return 0;
	}
	return buffer_append(phase == GATE_PARAMS ? &g->params : &g->body,
	    r->content, r->content_len);
}

static int
gate_take_abort(struct gate *g, const struct record *r, struct buffer *out)
{
	uint16_t id = g->request_id;
	bool keep = g->keep;

	if (g->phase == GATE_IDLE || r->request_id != id)
		return 0;
	gate_reset(g);
	g->is_over = !keep;
	return record_append_end(out, id, FCGI_REQUEST_COMPLETE);
}

static int
gate_take(struct gate *g, const struct gate_limits *limits,
    const struct record *r, struct buffer *out)
{
	if (r->version != FCGI_VERSION_1)
		return -1;
	if (r->request_id == FCGI_NULL_REQUEST_ID)
		return gate_take_management(limits, r, out);
	switch (r->type) {
	case FCGI_BEGIN_REQUEST:
		return gate_take_begin(g, r, out);
	case FCGI_ABORT_REQUEST:
		return gate_take_abort(g, r, out);
	case FCGI_PARAMS:
	case FCGI_STDIN:
		/*
		 * Records of a request that was refused, or is over, are
		 * skipped (3.3).
		 */
		if (g->phase == GATE_IDLE || r->request_id != g->request_id)
			return 0;
		return gate_take_content(g, limits, r);
	case PASS_RECORD:
		/* A descriptor that came too late: its stream goes on here. */
		return g->phase == GATE_IDLE ? 0 : -1;
	default:
		return -1;
	}
}

enum gate_result
gate_feed(struct gate *g, const struct gate_limits *limits, struct buffer *in,
    struct buffer *out)
{
	struct record r;
	bool was_reading;
	size_t len;

	/*
	 * A record of a version that we do not speak may not even have its
	 * length in the same place, so it is not parsed.
	 */
	while (in->len > 0 && in->data[0] == FCGI_VERSION_1 &&
	    (len = record_parse(in->data, in->len, &r)) > 0) {
		was_reading = g->phase == GATE_STDIN;
		if (gate_take(g, limits, &r, out) == -1)
			return GATE_BAD;
		buffer_consume(in, len);
		if (g->is_over)
			return GATE_OVER;
		if (was_reading && g->phase == GATE_IDLE &&
		    r.type == FCGI_STDIN)
			return GATE_REQUEST;
	}
	return in->len > 0 && in->data[0] != FCGI_VERSION_1 ? GATE_BAD
							    : GATE_MORE;
}
