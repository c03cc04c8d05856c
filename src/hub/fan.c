/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fetch.h"
#include "hub/crew.h"
#include "hub/delivery.h"
#include "hub/fan.h"
#include "hub/state.h"

/*
 * A channel with fewer streams is delivered by the loop's thread: waking
 * another one would take longer.  Tests set 1.
 */
#ifndef FAN_MIN
#define FAN_MIN 128
#endif

/* What a thread writes to, in cache lines that no other thread uses. */
struct fan_desk {
	_Alignas(FETCH_LINE) struct hub_counters counters;
	struct delivery_wire wire;
};

struct fan {
	struct crew *crew;
	struct fan_desk *desks;
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
	f->desks = aligned_alloc(_Alignof(struct fan_desk),
	    threads * sizeof *f->desks);
	if (f->desks == NULL || (f->crew = crew_new(threads)) == NULL) {
		fan_free(f);
		return NULL;
	}
	memset(f->desks, 0, threads * sizeof *f->desks);
	return f;
}

void
fan_free(struct fan *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; f->crew != NULL && i < crew_size(f->crew); i++)
		delivery_clear_wire(&f->desks[i].wire);
	crew_free(f->crew);
	free(f->desks);
	free(f->results);
	free(f);
}

static void
fan_work(void *arg, size_t member, size_t from, size_t to)
{
	struct fan *f = arg;
	struct fan_desk *desk = &f->desks[member];
	struct cursor *const *cursors = f->channel->cursors;
	size_t i;

	for (i = from; i < to; i++) {
		if (i + 1 < to)
			delivery_expect(cursors[i + 1]);
		f->results[i] = (uint8_t)delivery_try(cursors[i]->stream,
		    &desk->counters, &desk->wire);
	}
}

static void
fan_gather(struct fan *f, struct hub *hub)
{
	struct hub_counters *c;
	size_t i;

	for (i = 0; i < crew_size(f->crew); i++) {
		c = &f->desks[i].counters;
		delivery_forget_wire(&f->desks[i].wire);
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

	/* A delivery may lead to another one within it, without threads. */
	if (f->channel != NULL || count < FAN_MIN || !fan_reserve(f, count))
		return false;
	f->channel = c;
	crew_work(f->crew, count, fan_work, f);
	fan_gather(f, hub);
	/* Streams that end stay in their places until the loop's turn ends. */
	for (i = 0; i < count; i++)
		if (f->results[i] != DELIVERY_DONE)
			stream_take_result(c->cursors[i]->stream,
			    (enum delivery_result)f->results[i]);
	f->channel = NULL;
	return true;
}
