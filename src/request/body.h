/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_BODY_H
#define CRIER_REQUEST_BODY_H

#include <json-c/json.h>

#include "base/text.h"
#include "request/refusal.h"
#include "request/request.h"

/* A request's body, by its Content-Type.  Pure. */

enum body_kind {
	BODY_NONE,
	BODY_FORM = 1, /* application/x-www-form-urlencoded */
	BODY_JSON = 2, /* application/json */
	BODY_TEXT = 4  /* text/plain */
};

struct body {
	enum body_kind kind;
	struct text_span text;    /* all of it; the request's memory */
	struct json_object *json; /* of BODY_JSON; NULL is null */
};

/*
 * How many bytes of a body the request announces (RFC 3875, 4.1.2), in *len. 0;
 * or the status that refuses it: 400, no number; 411, no length though there is
 * a body; 413, more than max.
 */
int body_announced(const struct request *, uint64_t max, uint64_t *len);

/*
 * Whether the body has come as it was announced: one that was cut off must not
 * be taken for a whole one.  0, or a status, as body_announced; 400 also if it
 * is shorter or longer.
 */
int body_check_length(const struct request *, uint64_t max);

/*
 * Reads the body, if there is one, as one of the kinds in accept (an "or" of
 * body_kinds).  depth is how deep JSON may be.  0, or -1: refused.
 */
int body_read(struct body *, const struct request *, unsigned accept, int depth,
    struct refusal *);

void body_clear(struct body *);

#endif
