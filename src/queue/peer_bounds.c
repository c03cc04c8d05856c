/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a peer may make us hold, and for how long.  A publisher may be silent
 * between two lines for as long as it likes, and costs a descriptor then; a
 * line that it has begun, and replies that it does not read, cost memory.  Each
 * connection has its share of queue-bytes, so that short lines always come
 * through; more than that it has only as long as there is room.
 */

#include "base/clock.h"
#include "base/loop.h"
#include "config/config.h"
#include "queue/peer_part.h"

enum {
	PEER_OUT_MAX = 262144,  /* unread replies; then no line is taken */
	PEER_OUT_KEPT = 16384,  /* of an empty buffer */
	PEER_MOVED_MAX = 65536, /* bytes of a line that are moved for room */
	PEER_SWEEP_MIN_MS = 5,
	PEER_SWEEP_MAX_MS = 1000
};

/* What each connection may hold, whatever the others do. */
static size_t
peer_share(const struct queue_peer *p)
{
	return hub_config(p->queue->hub)->queue_bytes /
	    p->queue->figures.connections_max;
}

bool
peer_is_crowded(const struct queue_peer *p)
{
	return !p->is_own &&
	    p->queue->figures.bytes > hub_config(p->queue->hub)->queue_bytes;
}

bool
peer_is_full(const struct queue_peer *p)
{
	size_t owed = p->out.len + p->pending_bytes;

	return owed >= PEER_OUT_MAX ||
	    (peer_is_crowded(p) && owed > peer_share(p));
}

/* The bytes of its memory that a buffer has. */
static size_t
peer_room(const struct buffer *b)
{
	return b->base == NULL ? 0 : b->cap + (size_t)(b->data - b->base);
}

bool
peer_has_too_much(const struct queue_peer *p)
{
	return p->begun_ms > 0 && peer_is_crowded(p) &&
	    peer_room(&p->in) > peer_share(p);
}

/*
 * The memory of a read is the next reader's: what is left of it, the beginning
 * of a line, moves to a buffer that is no larger than it must be.
 */
static void
peer_shrink_in(struct queue_peer *p)
{
	struct buffer *spare = &p->queue->spare, kept = { 0 };

	if (p->in.base == NULL || p->in.len > PEER_MOVED_MAX ||
	    (p->in.len > 0 && peer_room(&p->in) < PEER_READ_BYTES) ||
	    buffer_append(&kept, p->in.data, p->in.len) == -1)
		return;
	if (spare->base == NULL) {
		buffer_truncate(&p->in, 0);
		*spare = p->in;
		buffer_consume(spare, 0);
	} else {
		buffer_clear(&p->in);
	}
	p->in = kept;
}

void
peer_shrink(struct queue_peer *p)
{
	size_t held;

	peer_shrink_in(p);
	if (p->out.len == 0 && peer_room(&p->out) > PEER_OUT_KEPT)
		buffer_clear(&p->out);
	held = peer_room(&p->in) + peer_room(&p->out) + p->pending_bytes;
	p->queue->figures.bytes += held - p->held;
	p->held = held;
}

void
peer_count_passed(struct queue_peer *p)
{
	p->queue->figures.descriptors += p->passed.count - p->counted;
	p->counted = p->passed.count;
}

/* Sees that peer_find_fault is asked in time. */
static void
peer_sweep_later(const struct queue_peer *p)
{
	const struct config *config = hub_config(p->queue->hub);
	uint64_t ms = config->request_timeout_ms / 2;

	if (config->stall_ms > 0 && config->stall_ms / 2 < ms)
		ms = config->stall_ms / 2;
	if (ms > PEER_SWEEP_MAX_MS)
		ms = PEER_SWEEP_MAX_MS;
	if (ms < PEER_SWEEP_MIN_MS)
		ms = PEER_SWEEP_MIN_MS;
	if (!evtimer_pending(p->queue->sweep_timer, NULL))
		loop_set_timer(p->queue->sweep_timer, ms);
}

void
peer_note_line(struct queue_peer *p)
{
	bool is_begun = p->stop == PEER_RUNS && !p->is_over && !p->is_own &&
	    (p->in.len > 0 || p->lines.is_skipping);

	if (!is_begun)
		p->begun_ms = 0;
	else if (p->begun_ms == 0)
		p->begun_ms = clock_monotonic_ms();
	if (is_begun)
		peer_sweep_later(p);
}

void
peer_note_reader(struct queue_peer *p, size_t before)
{
	if (p->out.len == 0 || p->is_own)
		p->stuck_ms = 0;
	else if (p->stuck_ms == 0 || p->out.len < before)
		p->stuck_ms = clock_monotonic_ms();
	if (p->stuck_ms > 0)
		peer_sweep_later(p);
}

const char *
peer_find_fault(struct queue_peer *p, uint64_t now_ms)
{
	const struct config *config = hub_config(p->queue->hub);

	/* While we do not read, a line cannot come to its end. */
	if (p->begun_ms > 0 && (p->watched & EV_READ) == 0)
		p->begun_ms = now_ms;
	if (p->begun_ms > 0 || p->stuck_ms > 0)
		peer_sweep_later(p);
	if (p->begun_ms > 0 &&
	    now_ms - p->begun_ms >= config->request_timeout_ms)
		return "the line did not end within request-timeout";
	if (p->stuck_ms > 0 && config->stall_ms > 0 &&
	    now_ms - p->stuck_ms >= config->stall_ms)
		return "replies were not read within stall-time";
	return NULL;
}
