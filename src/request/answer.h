/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ANSWER_H
#define CRIER_REQUEST_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "config/config.h"

/*
 * The answers of a door, as a CGI response (RFC 3875, 6): a `Status:` line, the
 * header fields, an empty line, the body.  All append; 0, or -1 (memory).
 */

/* What every answer depends on, of the request and the configuration. */
struct answer_context {
	const struct config *config;
	const char *origin; /* the Origin field, or "" */
	bool is_head;       /* no body */
	const char *allow;  /* methods of its path; NULL or "": what is usual */
	bool
	    is_raw; /* begins with HTTP's status line: no web server adds one */
};

/* The header of an event stream, then a comment of padding bytes, if any. */
int
answer_stream(struct buffer *, const struct answer_context *, uint64_t padding);

/*
 * To a client that cannot be served for now: a stream which says why in a
 * comment and asks to come again after retry_ms, and ends.  Any status but
 * 200 would end an EventSource for good (WHATWG HTML 9.2.3).
 */
int answer_later(struct buffer *, const struct answer_context *,
    uint64_t retry_ms, const char *why);

/* answer_later's body alone, behind a head that is sent already. */
int answer_retry(struct buffer *, uint64_t retry_ms, const char *why);

/* A short answer that is no error; with 204 there is no body. */
int answer_text(struct buffer *, const struct answer_context *, int status,
    const char *type, struct text_span body);

/*
 * A file of a page of our own, which needs nothing of anybody else's: whatever
 * data is shown in it, no script of another place runs, and nothing is sent to
 * one; nor may another site show the page within its own.
 */
int answer_page(struct buffer *, const struct answer_context *,
    const char *type, struct text_span body);

/*
 * A file that changes with crierd alone, and that whoever has it may keep for
 * an hour.  etag is its name in quotes.  With is_known, who asks has it: 304,
 * and no body.
 */
int answer_file(struct buffer *, const struct answer_context *,
    const char *type, const char *etag, bool is_known, struct text_span body);

/* {"ok":false,"error":...} with this status. */
int answer_error(struct buffer *, const struct answer_context *, int status,
    const char *error);

/* 204, which tells an EventSource not to come again. */
int answer_stop(struct buffer *, const struct answer_context *);

/* To OPTIONS: what is allowed, for a preflight too (Fetch, 4.8). */
int answer_options(struct buffer *, const struct answer_context *);

#endif
