/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_RETAINED_H
#define CRIER_HUB_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/buffer.h"
#include "base/list.h"
#include "hub/subscription.h"

struct hub;

/*
 * What channels retain, told at once and not on a stream: a question, and an
 * answer that is a line of JSON.  It is what a stream that asks for the same
 * would begin with, cut at a number of events and at RETAINED_BYTES; whoever
 * wants the rest asks again from where that ended.
 *
 * Memory answers if it has all of it, else the store, which is read for
 * RETAINED_READS questions at a time.  The others wait, and are counted with
 * the replays that do (replay-waiting).
 */
enum {
	RETAINED_BYTES = 262144, /* of records, or one event that is larger */
	RETAINED_READS = 2
};

/* A question. */
struct retained;

TAILQ_HEAD(retained_list, retained);

/* All questions of a hub that wait for the store. */
struct hub_retained {
	struct retained_list waiting, reading;
	size_t count, reads; /* in waiting; in reading */
	struct event *turn;
};

/* None yet; 0, or -1 (memory). */
int retained_init(struct hub *);
/* Reads that the store still has free themselves. */
void retained_clear(struct hub *);

/*
 * Asks for the events of a subscription's channels (checked names, none twice)
 * from its since, or its last ones, else all; the rest of it does not matter,
 * and nothing of it is kept.  At most limit events are told.  The caller's,
 * until retained_leave; NULL: no memory.
 */
struct retained *
retained_ask(struct hub *, const struct subscription *, uint64_t limit);

/* Whether its answer is there. */
bool retained_is_done(const struct retained *);

/* Who is called, if it is not, when it is. */
void
retained_set_done(struct retained *, void (*done_cb)(void *arg), void *arg);

/*
 * Appends the answer that is there: a reply of the queue's (crier(7),
 * "history"), or a refusal.  0, or -1 (memory).
 */
int retained_put(const struct retained *, struct buffer *);

/* Frees it, whether it was answered or not. */
void retained_leave(struct retained *);

#endif
