/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_REQUEST_H
#define CRIER_REQUEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

/* A decoded request: the web server's variables and the body. */
struct request {
	struct buffer env;     /* NAME=VALUE, each with its NUL */
	struct text_span body; /* borrowed */
	const char *user;      /* whom a token names, borrowed; or NULL */
};

void request_clear(struct request *);

/* Adds a variable, NAME=VALUE; 0, or -1 (memory). */
int request_add(struct request *, const char *name_value);

/* The value of a variable (RFC 3875, 4.1), or "" if it is not set. */
const char *request_get(const struct request *, const char *name);

/* Who is asking: whom the web server has authenticated, else the token; or ""
 */
const char *request_user(const struct request *);

/* What was asked for, taken from REQUEST_URI, which no server has decoded. */
struct request_target {
	char *path; /* percent-decoded */
	size_t path_len;
	/*
	 * What stands between the path's slashes.  The path was split before
	 * it was decoded, so that %2F separates nothing.  There are none if it
	 * does not begin with a slash.
	 */
	struct text_span *segments;
	size_t segment_count;
	struct text_span query; /* not decoded, within the request */
};

/*
 * Reads the target.  Behind a server without REQUEST_URI it is SCRIPT_NAME,
 * PATH_INFO and QUERY_STRING.  0, or -1 with *why (a phrase): malformed.
 */
int request_read_target(const struct request *, struct request_target *,
    const char **why);

void request_target_clear(struct request_target *);

/*
 * The decoded value of the next parameter of this name in a query or form
 * body, which is moved behind it.  Returns 1 and the caller's terminated text,
 * 0 if there is none, -1 with *why: malformed.
 */
int request_next_parameter(struct text_span *form, const char *name,
    char **value, size_t *len, const char **why);

#endif
