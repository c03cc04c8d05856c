/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_RUN_PART_H
#define CRIER_HUB_RUN_PART_H

#include "hub/run.h"
#include "hub/state.h"

/* What run.c, run_note.c and run_claim.c have in common. */

struct hub_run {
	struct hub *hub;
	TAILQ_ENTRY(hub_run) link;
	struct table_entry by_channel; /* if is_last */
	struct table_entry by_key;     /* if it has a key */
	struct channel *channel;       /* NULL: it is over */
	const struct hub_run_hooks *hooks;
	void *arg;
	struct batch_waiter waiter;
	size_t first, count; /* its events in the batch that it waits for */
	struct id begin, end;
	uint64_t began_ms, events, bytes;
	bool is_last;    /* of its channel */
	bool is_claimed; /* it is this node's at the store */
	bool is_taken;   /* another node had its channel, when last asked */
	char *end_claim; /* its second name at the store; or NULL */
	char *name_key;  /* the channel, a newline, the key */
	char *user;
	char name[]; /* the channel's */
};

/* The last run of a channel, or NULL. */
struct hub_run *run_last(const struct hub *, const char *channel, size_t len);

/*
 * run_note: notes the run in this turn's batch, where the store does that: that
 * it goes on, as its owner says; or, with the place of its last event in the
 * batch, that it is over.  Without memory for it, the next crierd does not know
 * of it.
 */
void run_note(struct hub_run *, const char *more, const size_t *end);

/* run_note: the run is known no more. */
void run_drop_note(struct hub_run *);

/* run_claim: other nodes may run in its channel. */
void run_release(struct hub_run *);

#endif
