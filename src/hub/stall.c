/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "hub/stall.h"
#include "hub/state.h"

static bool
stall_holds(const struct stream *s)
{
	return s->unit != NULL && s->unit->left != NULL;
}

/* When one of those who hold something took something last; or now. */
static uint64_t
stalls_oldest(const struct hub *hub)
{
	uint64_t oldest = hub->clock.now_ms;
	const struct stream *s;

	TAILQ_FOREACH(s, &hub->streams.list, link)
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (stall_holds(s) && s->written_ms < oldest)
			oldest = s->written_ms;
	return oldest;
}

/*
 * Ends those who took something last in the older half of all that time; how
 * many.
 */
static size_t
stalls_end_half(struct hub *hub)
{
	uint64_t oldest = stalls_oldest(hub);
	uint64_t until = oldest + (hub->clock.now_ms - oldest) / 2;
	struct stream *s, *next;
	size_t ended = 0;

	TAILQ_FOREACH_SAFE(s, &hub->streams.list, link, next) {
		if (!stall_holds(s) || s->written_ms > until)
			continue;
		stream_kill(s, STREAM_SLOW);
		ended++;
	}
	hub->counters.stalls_ended += ended;
	return ended;
}

/* A quarter is made free, for each look at all streams takes its time. */
void
stalls_bound(struct hub *hub)
{
	const size_t *left = &hub->channels.shared.left_bytes;
	uint64_t most = hub->config->stall_bytes;

	if (*left <= most)
		return;
	while (*left > most - most / 4 && stalls_end_half(hub) > 0)
		continue;
}
