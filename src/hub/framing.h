/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_FRAMING_H
#define CRIER_HUB_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

struct stream;

/*
 * How a stream's bytes are wrapped for its peer: all that the hub knows of
 * FastCGI.  The sizes are FastCGI's; a raw framing has no header and no end.
 */
enum {
	FRAMING_HEADER_MAX = 8,
	FRAMING_CONTENT_MAX = 65528
};

struct framing {
	const char *name;    /* for people: how its streams came */
	size_t header_bytes; /* before each piece of content */
	void (*put_header)(char *to, uint16_t request_id, size_t content_len);

	/* Appends all that ends a response; 0, or -1 (memory). */
	int (*put_end)(struct buffer *, uint16_t request_id);

	/*
	 * Looks at what the stream's peer sent.  Returns how many bytes are
	 * done with (the rest is shown again with more behind it), or -1: the
	 * peer wants no more.  May call stream_insert and stream_abort.
	 */
	ptrdiff_t (*input)(void *arg, struct stream *, const char *data,
	    size_t len);

	/*
	 * Takes back the descriptor of an ended stream that has keep set, and
	 * what was read from it since (borrowed).
	 */
	void (*returned)(void *arg, int fd, struct text_span input);
	void *arg;
};

/*
 * The bytes as they are, for a descriptor that is the client's alone: a
 * connection to the queue, or what a CGI program had as its standard output.
 */
void framing_init_raw(struct framing *, const char *name);

/* The request that the stream answers, as its subscription had it. */
uint16_t stream_request_id(const struct stream *);

/*
 * Sends bytes (framed already) between two units.  -1 if one is half sent, so
 * that nothing can be said now, or for want of memory.
 */
int stream_insert(struct stream *, const char *data, size_t len);

/* The peer wants no more and waits for the response's end, which is sent. */
void stream_abort(struct stream *);

#endif
