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
 * Reads the body, if there is one, as one of the kinds in accept (an "or" of
 * body_kinds).  depth is how deep JSON may be.  0, or -1: refused.
 */
int body_read(struct body *, const struct request *, unsigned accept, int depth,
    struct refusal *);

void body_clear(struct body *);

#endif
