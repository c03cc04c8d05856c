/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The reference parser of the tests: what a browser makes of the bytes of an
 * event stream. Written from the HTML standard alone (9.2.5 "Parsing an event
 * stream", 9.2.6 "Interpreting an event stream") and the UTF-8 decoder of the
 * Encoding standard, so that it can judge what crier sends.
 */
#ifndef CRIER_TESTS_SSE_PARSER_H
#define CRIER_TESTS_SSE_PARSER_H

#include <stddef.h>
#include <stdint.h>

/* One dispatched event. The texts end in a NUL that their length leaves out,
 * and live until the callback returns. */
struct sse_event {
	const char *type; /* "message" unless the event names another */
	size_t type_len;
	const char *data;
	size_t data_len;
	const char *last_id; /* the stream's last event ID string */
	size_t last_id_len;
};

/* Where the parser reports to; any callback may be NULL. */
struct sse_sink {
	void (*event)(const struct sse_event *event, void *arg);
	void (*retry)(uint64_t ms, void *arg);
	/* A line that begins with a colon: the text behind the colon. */
	void (*comment)(const char *text, size_t len, void *arg);
	void *arg;
};

struct sse_parser;

/* A parser at the start of a stream; SINK is copied. Aborts the program when
 * memory is out, as all of this module does. The caller frees the result. */
struct sse_parser *sse_parser_new(const struct sse_sink *sink);
void sse_parser_free(struct sse_parser *parser);

/* The next LEN bytes of the stream, cut anywhere. */
void sse_parser_feed(struct sse_parser *parser, const void *bytes, size_t len);

/* The end of the stream: what is incomplete is discarded, and the next bytes
 * begin another connection's stream; the last event ID stays (9.2.3). */
void sse_parser_end(struct sse_parser *parser);

/* The last event ID string: what a reconnecting client sends as
 * Last-Event-ID. Set by each blank line, even if that dispatches nothing. */
const char *sse_parser_last_id(const struct sse_parser *parser, size_t *len);

/* Characters of the block that no blank line has ended yet; 0: between blocks.
 */
size_t sse_parser_pending(const struct sse_parser *parser);

#endif
