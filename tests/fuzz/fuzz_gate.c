/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The gate in front of libfcgi: the same bytes give the same result however
 * they are cut, and what it lets through keeps to the limits. A whole request
 * then goes to libfcgi itself.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "door/fcgi.h"
#include "door/gate.h"
#include "request/request.h"

const char *const fuzz_name = "gate";

enum {
	FUZZ_MAX_REQUEST = 600
};

static const struct gate_limits fuzz_limits = {
	.max_request_bytes = FUZZ_MAX_REQUEST,
	.max_connections = 100,
};

/* All that came of one run. */
struct fuzz_run {
	struct gate gate;
	struct buffer in;
	struct buffer out;
	struct buffer requests; /* all that were whole, one after another */
	unsigned count;
	enum gate_result last;
};

static void
fuzz_check_request(const struct gate *gate)
{
	size_t content = gate->params.len + gate->body.len;

	fuzz_check(gate->request_id != 0);
	if (gate->params_too_large || gate->body_too_large) {
		fuzz_check(content == 0);
		return;
	}
	fuzz_check(content == gate->content_bytes);
	fuzz_check(content <= FUZZ_MAX_REQUEST);
}

/* libfcgi may refuse it, but not block, nor touch what is not its own. */
static void
fuzz_decode(const struct gate *gate)
{
	struct request request = { .env.len = 0 };

	if (!gate->params_too_large && !gate->body_too_large)
		fcgi_decode(gate->params.data, gate->params.len, &request);
	request_clear(&request);
}

static bool
fuzz_run_feed(struct fuzz_run *run, const uint8_t *data, size_t size)
{
	fuzz_check(buffer_append(&run->in, data, size) == 0);
	for (;;) {
		run->last =
		    gate_feed(&run->gate, &fuzz_limits, &run->in, &run->out);
		if (run->last != GATE_REQUEST)
			return run->last == GATE_MORE;
		fuzz_check_request(&run->gate);
		fuzz_check(buffer_append(&run->requests, run->gate.params.data,
			       run->gate.params.len) == 0);
		fuzz_check(buffer_append(&run->requests, run->gate.body.data,
			       run->gate.body.len) == 0);
		run->count++;
		fuzz_decode(&run->gate);
		gate_reset(&run->gate);
	}
}

static void
fuzz_run_clear(struct fuzz_run *run)
{
	gate_reset(&run->gate);
	buffer_clear(&run->in);
	buffer_clear(&run->out);
	buffer_clear(&run->requests);
}

static void
fuzz_check_same(const struct buffer *a, const struct buffer *b)
{
	fuzz_check(a->len == b->len);
	fuzz_check(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct fuzz_run whole = { .count = 0 };
	struct fuzz_run pieces = { .count = 0 };
	bool more = true;

	if (!begun)
		fcgi_init();
	begun = true;
	fuzz_run_feed(&whole, data, size);
	for (size_t i = 0; i < size && more; i++)
		more = fuzz_run_feed(&pieces, data + i, 1);
	if (size > 0) {
		fuzz_check(whole.last == pieces.last);
		fuzz_check(whole.count == pieces.count);
		fuzz_check_same(&whole.out, &pieces.out);
		fuzz_check_same(&whole.requests, &pieces.requests);
	}
	fuzz_run_clear(&whole);
	fuzz_run_clear(&pieces);
	return 0;
}
