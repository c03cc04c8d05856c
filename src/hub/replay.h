/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_REPLAY_H
#define CRIER_HUB_REPLAY_H

#include <stdbool.h>

#include "hub/stream.h"
#include "store/store.h"

/*
 * A stream that needs what the hub's memory no longer has, or never had, reads
 * it from the store: slice after slice, each when the one before is sent, up to
 * where the memory begins.  There its cursors are set, and it is a stream like
 * any other.  What is published meanwhile waits in the histories, as it does
 * for a slow client, so the two meet without a seam.
 *
 * It is the stream's source (source.h) as long as it lasts.
 */

/* Where a stream is to begin; as the client asked. */
struct replay_start {
	struct id after;
	struct text_span since; /* what the client named, or none */
	bool is_known;          /* after is what since means */
	bool has_last;
	uint64_t last;
};

/*
 * Begins for a new stream, whose first words were `retry:` alone; the position,
 * the gaps and the events follow.  0, or -1 (memory).
 */
int replay_begin(struct stream *, const struct replay_start *);

/*
 * For a stream of which memory lost what was to be sent next: what the store
 * may have is read, from behind what was sent; without such a store the gaps
 * are told.  0, or -1 (memory).
 */
int replay_fell_behind(struct stream *);

#endif
