/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_RUNS_H
#define CRIER_HUB_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/table.h"
#include "hub/run.h"

struct channel;
struct subscription;

/* All runs, as the rest of the hub sees them. */
struct hub_runs {
	struct table channels; /* the last run of each, by its channel */
	struct table keys;     /* those with a key, by channel and key */
	TAILQ_HEAD(hub_runs_head, hub_run) going;     /* longest first */
	TAILQ_HEAD(hub_runs_over_head, hub_run) over; /* the same */
	size_t going_count, over_count;
};

void runs_init(struct hub *);
void runs_clear(struct hub *);

/* The channel of a run that is going on has its first stream, or none. */
void runs_followed(struct hub *, const struct channel *);

/*
 * A node that is gone had this name (store_claim).  If it is a run's, its
 * channel is told that it was interrupted.
 */
void runs_inherited(struct hub *, struct text_span name);

/*
 * The other nodes took this one for gone: what it has claimed is another's, who
 * has told the channels.
 */
void runs_lost(struct hub *);

/*
 * Where the run of the channel begins, if a subscription is to begin there
 * (from_run); false: it is not.
 */
bool
runs_find_begin(const struct hub *, const struct subscription *, struct id *);

/*
 * Whether a subscription of one channel is of somebody who has seen the end of
 * the channel's run, and nothing came behind that; or who comes back, with a
 * position, for a run that nobody knows of any more.
 */
bool runs_have_ended(struct hub *, const struct subscription *);

#endif
