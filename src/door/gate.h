/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_GATE_H
#define CRIER_DOOR_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * What stands between a FastCGI connection and libfcgi, which reads with
 * blocking calls, reads ahead, and trusts what it reads.  The gate takes the
 * connection's records one by one, answers by itself what is not part of a
 * request, and gathers what the records of one request carry (BEGIN_REQUEST,
 * PARAMS up to the empty one, STDIN up to the empty one, all of one id) until
 * it is whole.  Only then, and only parameters whose lengths add up, are given
 * to libfcgi.
 *
 * Pure: bytes in, bytes out.
 */

enum gate_phase {
	GATE_IDLE,
	GATE_PARAMS,
	GATE_STDIN
};

/* Where in the name-value pairs of PARAMS (3.4) the gate is. */
struct gate_pairs {
	uint32_t len[2]; /* of the name and the value, as far as read */
	unsigned which;  /* length that is read; 2: the texts are */
	unsigned more;   /* bytes of that length that are to come */
	size_t skip;     /* bytes of the texts that are to come */
};

struct gate {
	enum gate_phase phase;
	uint16_t request_id;
	bool keep; /* FCGI_KEEP_CONN */
	bool is_over;
	bool params_too_large,
	    body_too_large; /* what was too large is dropped */
	size_t content_bytes;
	struct gate_pairs pairs;
	struct buffer params, body; /* what the records carried */
};

struct gate_limits {
	size_t max_request_bytes; /* content of PARAMS and STDIN together */
	size_t max_connections;   /* for GET_VALUES */
};

enum gate_result {
	GATE_MORE,    /* more input is needed */
	GATE_REQUEST, /* a request is whole */
	GATE_OVER,    /* send what is in out, then close */
	GATE_BAD      /* not FastCGI, or out of memory: close */
};

/*
 * Consumes whole records from in, up to the end of a request, and appends to
 * out what they call for.  After GATE_REQUEST call gate_reset for the next.
 */
enum gate_result gate_feed(struct gate *, const struct gate_limits *,
    struct buffer *in, struct buffer *out);

/* Frees what was gathered and goes back to GATE_IDLE. */
void gate_reset(struct gate *);

#endif
