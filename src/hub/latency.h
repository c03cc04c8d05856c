/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_LATENCY_H
#define CRIER_HUB_LATENCY_H

#include <stdint.h>

#include "base/histogram.h"

struct hub;
struct hub_figures;
struct json_object;

/*
 * How long events take, from the moment that crierd read them to the last
 * stream that could take them: waiting, committing and sending.  A stream whose
 * socket is full waits for itself and is not counted.
 *
 * The events of a batch come and go together, so a batch is measured once, by
 * its first event, with one look at the clock; no stream and no event costs
 * anything.
 */
struct hub_latency {
	struct histogram all; /* since the start */
	/* Of this minute and the one before: what it is like now. */
	struct histogram now, before;
	uint64_t began_ms;       /* of `now`; monotonic */
	struct histogram sample; /* of `all`, at the last event of $stats */
};

/* Events of a batch that began at began_us have been sent. */
void latency_note(struct hub *, uint64_t began_us, uint64_t events);

/* Sets the figures of the last minute or two. */
void latency_take(const struct hub *, struct hub_figures *);

/* Sets the quantiles instead to those since the last sample, and takes one. */
void latency_sample(struct hub *, struct hub_figures *);

/* Adds the histogram to the figures in a status. */
void latency_status(const struct hub *, struct json_object *status);

#endif
