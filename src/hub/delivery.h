/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_DELIVERY_H
#define CRIER_HUB_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "hub/stream.h"

struct hub_counters;

/*
 * Sends the half-sent unit and, while the stream is open and has no gap, what
 * its cursors have not passed, in id order over its channels, with one system
 * call.  Each cursor ends behind the last unit of which a byte was sent.
 * Counts in counters.
 */
enum delivery_result delivery_write(struct stream *, struct hub_counters *);

/*
 * What the next stream of a channel gets is mostly what the last one got: the
 * same run, behind the same header.  It is made once, in one piece, and holds
 * during one pass over the channel's streams.
 */
struct delivery_wire {
	const struct channel *channel; /* of the run; NULL: there is none */
	uint64_t seq;
	const struct framing *framing;
	uint16_t request_id;
	struct history_slice slice;
	char *data; /* of the block, or framed; NULL: not in one piece */
	size_t len;
	struct buffer framed;
};

/* Before and after each pass: what was made is no more. */
void delivery_forget_wire(struct delivery_wire *);

/* Frees its memory. */
void delivery_clear_wire(struct delivery_wire *);

/*
 * As delivery_write, for a stream that has nothing else to do than that, and
 * without looking at what it comes to: on other threads, too, each with a wire
 * of its own, while the hub stands still.
 */
enum delivery_result
delivery_try(struct stream *, struct hub_counters *, struct delivery_wire *);

/* That one is soon to be delivered: has the processor fetch its stream. */
void delivery_expect(const struct cursor *);

/*
 * Whether something that the stream was to send is no longer retained.  What
 * fell off but needed no sending, the cursors pass.
 */
bool delivery_find_gap(struct stream *);

#endif
