/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub/crew.h"
#include "hub/delivery.h"
#include "hub/fan.h"

/* Streams; for fewer it takes longer to wake somebody.  Tests may want 1. */
#ifndef FAN_MIN
#define FAN_MIN 128
#endif

/* Each thread counts for itself; a cache line apart from the next one. */
struct fan_counts {
	_Alignas(64) struct hub_counters counters;
};

struct fan {
	struct crew *crew;
	struct fan_counts *counts;
	struct channel *channel; /* that is delivered, or NULL */
	uint8_t *results;        /* of its streams: enum delivery_result */
	size_t capacity;
};

struct fan *
fan_new(size_t threads)
{
	struct fan *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->counts = aligned_alloc(_Alignof(struct fan_counts),
	    threads * sizeof *f->counts);
	if (f->counts == NULL || (f->crew = crew_new(threads)) == NULL) {
		fan_free(f);
		return NULL;
	}
	memset(f->counts, 0, threads * sizeof *f->counts);
	return f;
}

void
fan_free(struct fan *f)
{
	if (f == NULL)
		return;
	crew_free(f->crew);
	free(f->counts);
	free(f->results);
	free(f);
}

static void
fan_work(void *arg, size_t member, size_t from, size_t to)
{
	struct fan *f = arg;
	struct hub_counters *counters = &f->counts[member].counters;
	size_t i;

	for (i = from; i < to; i++)
		f->results[i] =
		    (uint8_t)delivery_try(f->channel->cursors[i]->stream,
			counters);
}

static void
fan_add_up(struct fan *f, struct hub *hub)
{
	struct hub_counters *c;
	size_t i;

	for (i = 0; i < crew_size(f->crew); i++) {
		c = &f->counts[i].counters;
		hub->counters.delivered += c->delivered;
		hub->counters.bytes += c->bytes;
		hub->counters.writes += c->writes;
		memset(c, 0, sizeof *c);
	}
}

static bool
fan_reserve(struct fan *f, size_t count)
{
	uint8_t *results;

	if (count <= f->capacity)
		return true;
	if ((results = realloc(f->results, count * 2)) == NULL)
		return false;
	f->results = results;
	f->capacity = count * 2;
	return true;
}

bool
fan_deliver(struct fan *f, struct hub *hub, struct channel *c)
{
	size_t count = c->cursor_count, i;

	/* What follows from a delivery may come to another one. */
	if (f->channel != NULL || count < FAN_MIN || !fan_reserve(f, count))
		return false;
	f->channel = c;
	crew_work(f->crew, count, fan_work, f);
	fan_add_up(f, hub);
	/* From the back, and no stream leaves its channels before the turn
	 * ends. */
	for (i = count; i-- > 0;)
		if (f->results[i] != DELIVERY_DONE)
			stream_take_result(c->cursors[i]->stream,
			    (enum delivery_result)f->results[i]);
	f->channel = NULL;
	return true;
}
