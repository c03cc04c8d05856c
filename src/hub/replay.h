/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_REPLAY_H
#define CRIER_HUB_REPLAY_H

#include <stdbool.h>

#include <event2/event.h>

#include "base/list.h"
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

/*
 * Replays that are held.  A client of several nodes may be ahead of the one
 * that it comes to: it was at a faster one.  So its replay begins when this
 * node's position has come to the client's.  After REPLAY_HOLD_MS the store is
 * asked whether that id was ever given.
 */
enum {
	REPLAY_HOLD_MS = 1000
};

struct replay;
TAILQ_HEAD(replay_list, replay);

struct hub_replays {
	struct replay_list held; /* the first for longest */
	size_t held_count;
	struct event *due; /* of the first */
};

/* None yet; 0, or -1 (memory). */
int replays_init(struct hub *);
void replays_clear(struct hub *);

/* The position has moved: begins the replays that were held for that. */
void replays_move(struct hub *);

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
