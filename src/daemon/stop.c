/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Ending in order.  What was accepted is finished, nothing new begins, and
 * every client that still waits is answered; in steps, each of which begins
 * when the one before it has nothing left or drain-time is over:
 *
 * 1. The sockets' files go, before the sockets, lest they be a successor's.
 * 2. Runs are interrupted, and the queue is closed: what its peers and the pipe
 *    have sent is committed.
 * 3. The hub drains: streams get what was committed, and their ends.
 * 4. Requests that have come to the door are asked at the queue, and answered.
 * 5. Programs whose clients have left get the time that they always have.
 * 6. Whoever has asked the door meanwhile is told to come again.
 *
 * A process that is no hub has the first step and the last one.
 */

#include "base/clock.h"
#include "daemon/state.h"
#include "door/uplink.h"

enum {
	STOP_AGAIN_MS = 20
};

/* Looks again whether a step has an end; 0, or -1. */
static int
stop_look_again(struct daemon *d,
    void (*look_cb)(evutil_socket_t, short, void *))
{
	static const struct timeval again = { .tv_usec =
						  STOP_AGAIN_MS * 1000L };

	return event_base_once(d->base, -1, EV_TIMEOUT, look_cb, d, &again);
}

static bool
stop_has_time(const struct daemon *d)
{
	return clock_monotonic_ms() < d->stop.until_ms;
}

static void
stop_leave_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!door_is_busy(d->door) || !stop_has_time(d) ||
	    stop_look_again(d, stop_leave_cb) == -1)
		event_base_loopexit(d->base, NULL);
}

/*
 * The last step.  The loop turns at least once more if there are connections:
 * a request that has come on one may not even have been read.
 */
static void
stop_leave(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0 ||
	    stop_look_again(d, stop_leave_cb) == -1)
		event_base_loopexit(d->base, NULL);
}

/* Waits for the queue's replies, then for the programs. */
static void
stop_answered_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!(uplink_is_idle(d->uplink) && uplink_is_idle(d->aside)) &&
	    stop_has_time(d) && stop_look_again(d, stop_answered_cb) == 0)
		return;
	if (programs_count(d->programs) > 0 && hub_stream_count(d->hub) == 0)
		programs_wait(d->programs, stop_leave, d);
	else
		stop_leave(d);
}

/* The streams have ended.  A request on a connection is read first. */
static void
stop_drained_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0 ||
	    stop_look_again(d, stop_answered_cb) == -1)
		stop_answered_cb(-1, 0, d);
}

void
stop_begin(struct daemon *d)
{
	if (d->stop.is_begun) {
		event_base_loopbreak(d->base);
		return;
	}
	d->stop.is_begun = true;
	d->stop.until_ms = clock_monotonic_ms() + d->config->drain_ms;
	systemd_stopping();
	sockets_remove(d);
	door_close(d->door);
	if (d->hub == NULL) {
		stop_leave(d);
		return;
	}
	runs_interrupt(d->runs);
	hub_now(d->hub);
	queue_close(d->queue);
	hub_drain(d->hub, stop_drained_cb, d);
}
