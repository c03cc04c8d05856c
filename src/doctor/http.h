/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_HTTP_H
#define CRIER_DOCTOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/measure.h"
#include "protocol/eventstream.h"
#include "protocol/id.h"

/*
 * Event streams over HTTP, with libcurl: opened, read as a browser reads them,
 * and left.  Any number of them at a time, in one thread.
 */

enum {
	HTTP_ARRIVALS = 128, /* events of a stream that are noted */
	HTTP_TAIL = 384      /* bytes of a stream's end: an id and more */
};

/* An event that has come. */
struct http_arrival {
	char id[ID_TEXT_SIZE];
	uint64_t at_us;
	unsigned piece; /* the number of the piece of the body it came in */
};

struct http_stream {
	struct measure_head head;
	uint64_t opened_us, head_us, first_us; /* or MEASURE_NEVER */
	uint64_t last_us, ended_us;            /* the last piece, the end */
	unsigned pieces;
	unsigned bursts; /* pieces, but those close together count once */
	struct http_arrival arrivals[HTTP_ARRIVALS];
	size_t arrival_count;
	struct eventstream parser;
	char begin[256]; /* of the body */
	size_t begin_len;
	char tail[HTTP_TAIL]; /* the last bytes of it */
	size_t tail_len;
	char end[32]; /* the reason in crierd's last event */
	bool has_gap;
	bool ended;
	bool bad_certificate;
	char why[256]; /* if it ended with an error */
};

struct http_request {
	const char *url;
	const char *last_event_id;  /* or NULL */
	const char *const *headers; /* "Name: value" up to a NULL, or NULL */
	bool insecure;              /* any certificate will do */
	bool head_only;             /* HEAD */
};

struct http;

/* NULL: no memory. */
struct http *http_new(void);
void http_free(struct http *);

/*
 * Begins a request; the stream is the caller's, to be left.  A request that
 * fails shows in the stream's ended and why.  NULL: no memory.
 */
struct http_stream *http_open(struct http *, const struct http_request *);

/*
 * Ends the request, finished or not, and its connection (libcurl would not tell
 * an HTTP/2 server of a stream that has been left), and frees it; NULL is fine.
 */
void http_leave(struct http *, struct http_stream *);

/* Reads what has come, of all streams; waits for it at most so long. */
void http_turn(struct http *, int timeout_ms);

/* The event with this id, or NULL if it has not come. */
const struct http_arrival *
http_arrival(const struct http_stream *, const char *id);

/* Whether crierd's first block has come. */
bool http_has_begun(const struct http_stream *);

#endif
