/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_SLICE_H
#define CRIER_HUB_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/list.h"
#include "hub/history.h"
#include "store/store.h"

struct hub;
struct stream;

/*
 * What replays read from the store, a slice at a time, and the turns that they
 * take.  All slices together have replay-bytes of memory.  Who needs one waits
 * for a turn; the turns go around among clients (users or, if they have no
 * name, addresses), so one client's many replays delay each other alone.
 *
 * A slice may be kept for SLICE_HOLD_MS.  After that it is taken away if others
 * wait: what its stream has not begun to send is read again later.  Of a unit
 * that is half sent the stream keeps a copy (it is pinned), for the client must
 * get the rest of it.  Half of replay-bytes may be pinned; beyond that the
 * stream that has been so for longest ends.
 */

enum {
	SLICE_MIN = 16384,
	SLICE_BEGIN = 65536, /* of a replay's first; it grows while it goes */
	SLICE_MAX = 262144,
	SLICE_HOLD_MS = 50,
	SLICE_READS =
	    4,          /* that the store has at a time; the others may leave */
	SLICE_SHARE = 2 /* of those that may wait, a client may have half */
};

/* A read, and then its answer. */
struct slice {
	TAILQ_ENTRY(slice) link;   /* in hub->slices.reading or .held */
	struct hub *hub;           /* NULL: it is gone */
	struct slice_asker *asker; /* NULL: it is gone */
	struct block *block;       /* the read's room */
	size_t bytes;              /* of memory */
	size_t next;               /* the first run that is not begun */
	uint64_t due_ms; /* 0: it is read; then others may have its place */
	bool is_taken;   /* its asker has looked at the answer */
	struct store_read read;
	struct store_mark marks[STORE_MARKS];
	struct store_range ranges[];
};

TAILQ_HEAD(slice_list, slice);

/* A client's askers that wait, the first for longest. */
struct slice_lane;

/* A replay as slices sees it; it asks for one slice at a time. */
struct slice_asker {
	TAILQ_ENTRY(slice_asker) link; /* in its lane, or where it is pinned */
	struct stream *stream;
	struct slice_lane *lane; /* not NULL: it waits for its turn */
	struct slice *slice;     /* the read under way, or the answer */
	size_t want_bytes;
	size_t pinned_bytes;

	/* Names what is to be read, in a slice with the stream's ranges. */
	void (*prepare)(struct slice_asker *, struct slice *);
	/* The answer is there, in slice. */
	void (*done)(struct slice_asker *);
	/* Others wait: the slice must be put back. */
	void (*give_up)(struct slice_asker *);
};

TAILQ_HEAD(slice_askers, slice_asker);
TAILQ_HEAD(slice_lanes, slice_lane);

struct hub_slices {
	struct slice_lanes lanes;
	struct slice_list reading, held; /* held: by when they came back */
	struct slice_askers pinned;      /* the first for longest */
	size_t waiting;                  /* askers */
	size_t reads, count;             /* of slices: those in reading; all */
	size_t bytes, pinned_bytes;
	struct event *turn;
};

/* Makes the place for slices, without any; 0, or -1 (memory). */
int slices_init(struct hub *);
/* No stream may be left; reads that the store still has free themselves. */
void slices_clear(struct hub *);

/* Whether one more may wait, of this stream's client (replay-waiting). */
bool slices_have_room(const struct stream *);

/* Begins to wait for a slice; done comes later.  0, or -1 (memory). */
int slice_ask(struct slice_asker *);

/* Has done with its slice. */
void slice_put(struct slice_asker *);

/*
 * The stream keeps so many bytes of a copy, or none any more.  May end this
 * stream, or another.
 */
void slice_pin(struct slice_asker *, size_t bytes);
void slice_unpin(struct slice_asker *);

/* The asker is gone: its read is not made, if it has not begun. */
void slice_leave(struct slice_asker *);

#endif
