/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_TURN_H
#define CRIER_HUB_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "hub/delivery.h"
#include "protocol/id.h"
#include "store/batch.h"

struct fan;
struct hub;

/* Events on their way from publishers to streams; see turn.c. */
struct hub_turn {
	struct batch *batch; /* of this turn, or NULL */
	struct batch *spare; /* an empty one for a turn to come, or NULL */
	struct id appended;  /* in the histories; streams know up to here */
	size_t committing, committing_bytes; /* batches that the store has */
	uint64_t store_ms;                   /* that it took for the last one */
	uint64_t store_moved_ms; /* when it gave that back, or got its next */
	void (*end_cb)(void *);  /* sees that the turn ends with a commit */
	void *end_arg;
};

/* What the passes over the streams of a channel work with. */
struct hub_delivery {
	struct fan *fan; /* NULL: one thread delivers */
	struct delivery_wire wire;
};

/* Goes on behind what the store knows; 0, or -1 (memory, threads). */
int turn_init(struct hub *);

/* The batch of this turn is lost. */
void turn_clear(struct hub *);

/*
 * Writes what is pending to every stream of the channels that grew, and drops
 * what need not be retained any more.
 */
void turn_deliver(struct hub *);

/*
 * Appends an event, which has an id, to all its channels or, without memory, to
 * none: then they skip it or, if no store has it either, it is refused.
 */
void turn_append(struct hub *, struct batch *, struct batch_event *);

/* How long it is since the store gave a batch back, while it has some. */
uint64_t turn_store_wait_ms(const struct hub *);

#endif
