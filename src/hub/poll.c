/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "hub/poll.h"
#include "hub/state.h"

/*
 * With poll_above that many streams stay, and all others poll; without it all
 * poll if there is a time to wait.
 */
bool
poll_is_wanted(const struct hub *hub, const struct subscription *sub)
{
	/* A poll comes back for the rest, which a source does not keep. */
	if (sub->source != NULL)
		return false;
	if (sub->is_poll)
		return true;
	if (sub->poll_above == 0)
		return sub->poll_ms > 0;
	return hub->streams.count - hub->streams.poll_count >= sub->poll_above;
}

void
poll_begin(struct stream *s, uint64_t wait_ms)
{
	uint64_t due_ms = s->hub->clock.now_ms + wait_ms;

	s->is_poll = true;
	s->hub->streams.poll_count++;
	if (wait_ms == 0)
		s->state = STREAM_LAST_EVENTS;
	if (s->deadline_ms == 0 || due_ms < s->deadline_ms)
		s->deadline_ms = due_ms;
}

void
poll_check(struct stream *s)
{
	if (s->is_poll && s->state == STREAM_OPEN &&
	    (s->events > 0 || s->has_gap))
		s->state = STREAM_LAST_EVENTS;
}

/* A slow reader gets all that is pending, so it has no deadline any more. */
void
poll_time_out(struct stream *s)
{
	s->deadline_ms = 0;
	if (s->state == STREAM_OPEN)
		s->state = STREAM_LAST_EVENTS;
}

bool
poll_is_over(const struct stream *s)
{
	return s->is_poll && s->reason == STREAM_TIMEOUT;
}
