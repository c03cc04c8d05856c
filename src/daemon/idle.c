/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A hub that was started on demand ends when nobody has come for idle-exit.
 *
 * A client must not meet a hub that ends.  So the hub removes its socket's file
 * first and keeps listening for a moment.  Whoever had found the file by then
 * has been accepted and keeps the hub alive, which binds the path anew. Whoever
 * comes later finds no socket and starts another crierd, which waits for the
 * lock.
 */

#include <stdlib.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/state.h"

enum {
	IDLE_LOOKS = 10,     /* in the time of idle-exit */
	IDLE_LEAVING_MS = 10 /* from the file's end to the last look */
};

/* Whether nobody is there, and nobody has come and gone since the last look. */
static bool
idle_is_idle(struct daemon *d)
{
	const struct queue_figures queue = queue_get_figures(d->queue);
	uint64_t mark = hub_opened_count(d->hub) + queue.counters.connections +
	    queue.counters.lines + queue.counters.fifo_lines;
	bool is_same = mark == d->idle.mark;

	d->idle.mark = mark;
	/* One connection to the queue is the door's own. */
	return is_same && hub_stream_count(d->hub) == 0 &&
	    queue.connections <= 1;
}

/* Somebody came when the socket's file was about to go. */
static void
idle_stay(struct daemon *d)
{
	char *cause = NULL;

	d->idle.is_leaving = false;
	if (sockets_reopen_queue(d, &cause) == 0 &&
	    queue_listen(d->queue, d->sockets.queue) == 0)
		return;
	log_error("%s", cause_text(cause));
	free(cause);
	stop_begin(d);
}

static int
idle_look_again(struct daemon *d)
{
	return loop_set_timer(d->idle.timer,
	    d->idle.is_leaving ? IDLE_LEAVING_MS
			       : d->config->idle_exit_ms / IDLE_LOOKS + 1);
}

static void
idle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct daemon_idle *idle = &d->idle;
	uint64_t now = clock_monotonic_ms();
	bool is_idle = idle_is_idle(d);

	(void)fd;
	(void)what;
	if (idle->is_leaving && is_idle && !d->stop.is_begun) {
		log_info("stopping: idle for idle-exit");
		stop_begin(d);
	} else if (idle->is_leaving && !d->stop.is_begun) {
		idle_stay(d);
	}
	if (d->stop.is_begun)
		return;
	if (!is_idle)
		idle->busy_ms = now;
	idle->is_leaving = now - idle->busy_ms >= d->config->idle_exit_ms;
	if (idle->is_leaving)
		unlink(d->config->queue);
	idle_look_again(d);
}

int
idle_start(struct daemon *d)
{
	if (d->options->start != DAEMON_ON_DEMAND)
		return 0;
	d->idle.busy_ms = clock_monotonic_ms();
	d->idle.timer = event_new(d->base, -1, 0, idle_cb, d);
	return d->idle.timer == NULL ? -1 : idle_look_again(d);
}

void
idle_free(struct daemon *d)
{
	if (d->idle.timer != NULL)
		event_free(d->idle.timer);
}
