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
 * The bytes that the last stream of a channel got, for the next one mostly gets
 * the same: one run, behind the same header.  They are made once, in one piece,
 * and hold during one pass over the channel's streams.
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

/* The bytes do not hold any more: before and after each pass. */
void delivery_forget_wire(struct delivery_wire *);

/* Frees the wire's memory. */
void delivery_clear_wire(struct delivery_wire *);

/*
 * As delivery_write, for a stream of a channel that grew.  A stream that needs
 * more than its bytes sent is left alone (DELIVERY_LEFT), and what follows from
 * any result but DELIVERY_DONE is left to the caller (stream_take_result).  May
 * be called on other threads while the hub stands still, with counters and a
 * wire of their own.
 */
enum delivery_result
delivery_try(struct stream *, struct hub_counters *, struct delivery_wire *);

/* A delivery is soon to come: has the processor fetch this cursor's stream. */
void delivery_expect(const struct cursor *);

/*
 * Whether something that the stream was to send is no longer retained.  Cursors
 * pass what fell off but needed no sending.
 */
bool delivery_find_gap(struct stream *);

#endif
