/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "hub/rest.h"
#include "hub/state.h"

/* Whether it is of a history's block, of which it is only a part. */
static bool
rest_is_worth_it(const struct stream *s)
{
	return s->unit != NULL && s->source == NULL && !s->unit_framed &&
	    s->unit != s->hub->streams.heartbeat &&
	    s->unit_len <= FRAMING_CONTENT_MAX &&
	    (s->unit_len < s->unit->size || s->unit_sent > 0);
}

/* The rest as it goes on the wire, or NULL: it is large, or no memory. */
static struct block *
rest_copy(const struct stream *s)
{
	size_t header = s->framing->header_bytes, sent = s->unit_sent;
	size_t len = header + s->unit_len - sent, front = 0;
	char text[FRAMING_HEADER_MAX];
	struct block *copy;

	if (len > header + REST_COPY || (copy = block_new(len)) == NULL)
		return NULL;
	if (sent < header) {
		front = header - sent;
		s->framing->put_header(text, s->request_id, s->unit_len);
		memcpy(copy->data, text + sent, front);
		sent = header;
	}
	memcpy(copy->data + front,
	    s->unit->data + s->unit_off + (sent - header), len - front);
	copy->used = (uint32_t)len;
	return copy;
}

void
rest_keep(struct stream *s)
{
	const size_t *left = &s->hub->channels.shared.left_bytes;
	struct block *copy;

	if (!rest_is_worth_it(s) || (copy = rest_copy(s)) == NULL)
		return;
	block_leave(copy, &s->hub->channels.shared.left_bytes);
	block_unref(s->unit);
	s->unit = copy;
	s->unit_off = s->unit_sent = 0;
	s->unit_len = copy->used;
	s->unit_framed = true;
	/* A stream may stall outside a turn, which ends with the bound. */
	if (*left > s->hub->config->stall_bytes)
		streams_reap_later(s->hub);
}
