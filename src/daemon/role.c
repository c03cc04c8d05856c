/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Which process of several is the hub: the one that has the lock beside the
 * queue's socket.  The kernel releases the lock when a process ends, in
 * whatever way.
 *
 * A process that was started alone is the hub or does not run; it waits for a
 * hub that ends.  One that was
 * started on demand is the hub, or leaves as soon as another one serves.  Of
 * those that a web server started, the first is the hub; the others are doors.
 * A door is connected to the hub's queue, so it learns at once that the hub has
 * ended, and then takes the lock, or finds whoever was quicker.  A door that
 * serves one request (CRIER_ONCE) never takes the lock, but starts a hub.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/state.h"
#include "door/aside.h"
#include "door/uplink.h"
#include "protocol/client.h"
#include "protocol/demand.h"

enum {
	ROLE_AGAIN_MS = 20, /* while there is no hub, and we cannot be it */
	ROLE_START_AGAIN_MS = 500, /* after a hub could not be started */
	ROLE_SHORT_MS = 200,       /* a hub that ends so soon may not want us */
	ROLE_LEAVING_MS = 10000,   /* for a hub that is about to leave */
	ROLE_SERVED_MS = 1000,     /* a hub that is to end answers no longer */
	ROLE_DRAINS =
	    2 /* its drain-time: $streams is told of the others' end */
};

/* Whether a hub answers at the queue, if too busy to accept just now. */
static bool
role_is_served(const struct daemon *d)
{
	struct client client;

	if (client_try(&client, d->config->queue, 0, 0) == -1)
		return errno == EAGAIN;
	client_close(&client);
	return true;
}

/* As sockets_lock, for a hub on demand: see role_choose. */
static int
role_await_lock(struct daemon *d, char **cause)
{
	uint64_t until = clock_monotonic_ms() + ROLE_LEAVING_MS;
	int locked;

	while ((locked = sockets_lock(d, cause)) == 1) {
		if (role_is_served(d))
			exit(0);
		if (clock_monotonic_ms() > until)
			break;
		clock_sleep_ms(ROLE_AGAIN_MS);
	}
	return locked;
}

/*
 * As sockets_lock, for a crierd that is to stay: whoever has the lock may have
 * been told to end, and drains.  It answers at the queue no more then, but may
 * do so for a moment after the signal.  Where a manager has opened our queue
 * nobody else's can be asked.
 */
static int
role_succeed(struct daemon *d, char **cause)
{
	uint64_t now = clock_monotonic_ms(), served = now + ROLE_SERVED_MS;
	uint64_t until =
	    now + ROLE_LEAVING_MS + ROLE_DRAINS * d->config->drain_ms;
	bool is_told = false;
	int locked;

	while ((locked = sockets_lock(d, cause)) == 1 && now < until) {
		if ((d->sockets.passed.queue != -1 || role_is_served(d)) &&
		    now >= served)
			break;
		if (!is_told && now >= served)
			log_info("waiting for a crierd that ends");
		is_told = is_told || now >= served;
		clock_sleep_ms(ROLE_AGAIN_MS);
		now = clock_monotonic_ms();
	}
	return locked;
}

static int
role_lock(struct daemon *d, char **cause)
{
	switch (d->options->start) {
	case DAEMON_ON_DEMAND:
		return role_await_lock(d, cause);
	case DAEMON_ALONE:
		return role_succeed(d, cause);
	default:
		return sockets_lock(d, cause);
	}
}

bool
role_choose(struct daemon *d)
{
	char *cause = NULL;
	int locked;

	if (d->options->is_once)
		return false;
	locked = role_lock(d, &cause);
	if (d->options->start == DAEMON_SPAWNED) {
		if (locked == -1)
			log_warning("%s", cause_text(cause));
		free(cause);
		return locked == 0;
	}
	if (locked == -1)
		log_fatal("%s", cause_text(cause));
	if (locked == 1)
		log_fatal("%s.lock: another crierd is running on it",
		    d->config->queue);
	return true;
}

static void
role_complain(const char *why)
{
	static struct log_limit limit;

	if (log_limit_pass(&limit, clock_monotonic_ms()))
		log_error("no hub: %s", cause_text(why));
}

/* The lock is ours: from here on there is no way back to being a door. */
static void
role_take_over(struct daemon *d)
{
	char *cause;

	if (sockets_open_queue(d, &cause) == -1 ||
	    parts_add_hub(d, &cause) == -1)
		log_fatal("cannot become the hub: %s", cause_text(cause));
	aside_go_on(d->door);
	log_info("the hub now: queue %s, up to %zu streams", d->config->queue,
	    hub_max_streams(d->hub));
}

/* Connects an uplink to a hub in another process; 0, or -1. */
static int
role_attach(const struct daemon *d, struct uplink *uplink)
{
	struct client client;

	/* The client's descriptor becomes the uplink's; it has nothing else. */
	if (client_try(&client, d->config->queue, 0, 0) == -1)
		return -1;
	return uplink_attach(uplink, client.fd);
}

static bool
role_connect(struct daemon *d)
{
	if (role_attach(d, d->uplink) == -1)
		return false;
	d->role.attached_ms = clock_monotonic_ms();
	aside_go_on(d->door);
	return true;
}

/* The door has questions that shall hold up nothing else; 0, or -1. */
static int
role_attach_cb(void *arg)
{
	struct daemon *d = arg;

	return d->hub == NULL ? role_attach(d, d->aside)
			      : parts_connect(d, d->aside);
}

static void
role_start_hub(struct daemon *d)
{
	char *cause = NULL;

	if (demand_start(d->config->queue, &cause) == 0 && role_connect(d))
		return;
	role_complain(cause);
	free(cause);
	loop_set_timer(d->role.timer, ROLE_START_AGAIN_MS);
}

void
role_seek_hub(struct daemon *d)
{
	char *cause = NULL;
	int locked;

	if (role_connect(d))
		return;
	/* A door that stops finishes what it has begun, but starts nothing. */
	if (d->stop.is_begun) {
		loop_set_timer(d->role.timer, ROLE_AGAIN_MS);
		return;
	}
	if (d->options->is_once) {
		role_start_hub(d);
		return;
	}
	locked = sockets_lock(d, &cause);
	if (locked == 0) {
		role_take_over(d);
		return;
	}
	if (locked == -1)
		role_complain(cause);
	free(cause);
	loop_set_timer(d->role.timer, ROLE_AGAIN_MS);
}

static void
role_seek_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	role_seek_hub(arg);
}

static void
role_lost_hub(struct daemon *d)
{
	if (clock_monotonic_ms() - d->role.attached_ms < ROLE_SHORT_MS) {
		role_complain("it ends, or closes the connection, at once; "
			      "its log says why (queue-allow?)");
		loop_set_timer(d->role.timer, ROLE_SHORT_MS);
	} else {
		log_info("the hub has ended");
		loop_set_timer(d->role.timer, 0);
	}
}

/* The uplink's connection has ended. */
static void
role_lost_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->hub == NULL) {
		role_lost_hub(d);
		return;
	}
	if (d->stop.is_begun)
		return;
	log_warning("the door has lost its own queue");
	if (parts_connect(d, d->uplink) == -1)
		log_error("the door cannot reach its own queue");
}

static void
role_aside_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (uplink_is_attached(d->uplink))
		aside_go_on(d->door);
}

/* The other one's has, without the hub's end or with that. */
static void
role_aside_lost_cb(void *arg)
{
	struct daemon *d = arg;

	if (!d->stop.is_begun)
		loop_set_timer(d->role.aside, ROLE_AGAIN_MS);
}

/* A door that serves one request is done when all that it began is. */
static void
role_handed_off_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0)
		stop_begin(d);
}

int
role_new(struct daemon *d)
{
	d->role.timer = event_new(d->base, -1, 0, role_seek_cb, d);
	d->role.aside = event_new(d->base, -1, 0, role_aside_cb, d);
	if (d->role.timer == NULL || d->role.aside == NULL ||
	    parts_new(d, role_lost_cb, role_aside_lost_cb) == -1)
		return -1;
	d->door->aside = d->aside;
	d->door->attach_cb = role_attach_cb;
	d->door->attach_arg = d;
	if (d->options->is_once) {
		d->door->handed_off_cb = role_handed_off_cb;
		d->door->handed_off_arg = d;
	}
	return 0;
}

void
role_free(struct daemon *d)
{
	parts_free(d);
	event_free(d->role.timer);
	event_free(d->role.aside);
}
