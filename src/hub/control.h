/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_CONTROL_H
#define CRIER_HUB_CONTROL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"
#include "protocol/id.h"

struct store_range;
struct stream;

/*
 * What crier itself says on a stream, beside the events: at its beginning when
 * to come back and where it stands, then which events it cannot have any more,
 * and why it ends.  All functions append to a buffer; 0, or -1 (memory).
 */

/* The bytes of the door's, then `retry:`. */
int control_put_begin(const struct stream *, struct buffer *,
    struct text_span head);

/* Where a client stands who wants to go on. */
struct control_position {
	struct text_span since; /* as it named the position; none: len 0 */
	struct id after;        /* what that means */
	bool is_known;          /* else nobody knows what it means */
	struct id before;       /* the newest id before all that is to come */
	/* Floors of the channels in the store; NULL: the histories' hold. */
	const struct store_range *ranges;
};

/*
 * A block of `id:` alone, which gives an EventSource its position without an
 * event (WHATWG HTML 9.2.6): the one that the client named itself, if it did.
 * If gaps follow, the position behind them stands after them, so that they need
 * not be told again.
 */
int control_put_position(struct stream *, struct buffer *,
    const struct control_position *);

/*
 * A `crier.gap` record for each channel of which the client may have missed
 * events: what was not retained since its position.
 */
int control_put_gaps(struct stream *, struct buffer *,
    const struct control_position *);

/*
 * Gaps of events that fell off while the stream was open, with their number;
 * the stream's cursors move on to the oldest events that are left.
 */
int control_put_missed(struct stream *, struct buffer *);

/* The last words, framed, and what the framing ends with. */
int control_put_end(const struct stream *, struct buffer *);

#endif
