/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "door/handoff.h"
#include "door/uplink.h"
#include "protocol/client.h"
#include "protocol/demand.h"
#include "protocol/store_url.h"

enum {
	ROLE_AGAIN_MS = 20, /* while there is no hub, and we cannot be it */
	ROLE_START_AGAIN_MS = 500, /* after one could not be started */
	ROLE_SHORT_MS = 200,       /* a hub that ends so soon may not want us */
	ROLE_IDLE_CHECKS = 10,     /* in the time of idle-exit */
	ROLE_LEAVING_MS = 10       /* for whoever has just come */
};

static void
role_status_door(const struct daemon *d, struct json_object *status)
{
	const struct door_figures figures = {
		.counters = d->door->counters,
		.waiting = d->door->connection_count,
		.programs = programs_count(d->programs),
	};

	figures_add(status, FIGURES_DOOR, &figures);
}

/* Which configuration holds, and what became of the last attempt. */
static void
role_status_configuration(const struct daemon *d, struct json_object *status)
{
	const char *file = d->options->file == NULL ? "" : d->options->file;
	const struct daemon_figures figures = { .reloads = d->reloads };
	struct json_object *o = figures_group(status, "configuration");

	json_add_string(o, "file", file);
	figures_add(status, FIGURES_DAEMON, &figures);
	json_add_string(o, "reload_error", d->reload_error);
}

static void
role_status_cb(void *arg, struct json_object *status)
{
	struct daemon *d = arg;

	role_status_door(d, status);
	role_status_configuration(d, status);
	d->store->ops->status(d->store, status);
}

static int
role_open_store(struct daemon *d, char **cause)
{
	const struct config *c = d->config;
	struct store_options options = {
		.durability = (enum store_durability)c->durability,
		.keep_in_memory = c->store_error == CONFIG_MEMORY,
		.key_ms = c->key_ms,
		.base = d->base
	};
	char *url = store_url_choose(c->store, c->queue,
	    d->options->start != DAEMON_ALONE);

	*cause = NULL;
	if (url == NULL)
		return -1;
	d->store_url = url;
	options.url = url;
	d->store = store_open(&options, cause);
	return d->store == NULL ? -1 : 0;
}

/* The door's own connection to the queue that is in the same process. */
static int
role_attach_self(struct daemon *d)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) == -1)
		return -1;
	queue_serve(d->queue, pair[0]);
	return uplink_attach(d->uplink, pair[1]);
}

/* The sockets' descriptors belong to the queue as soon as it has them. */
static int
role_open_queue(struct daemon *d)
{
	d->queue = queue_new(d->base, d->hub);
	if (d->queue == NULL || queue_listen(d->queue, d->queue_fd) == -1 ||
	    (d->fifo_fd != -1 && queue_read_fifo(d->queue, d->fifo_fd) == -1) ||
	    role_attach_self(d) == -1)
		return -1;
	queue_set_status(d->queue, role_status_cb, d);
	queue_set_handoff(d->queue, handoff_take, d->door);
	return 0;
}

int
role_become_hub(struct daemon *d, char **cause)
{
	if (role_open_store(d, cause) == -1)
		return -1;
	*cause = NULL;
	d->hub = hub_new(d->base, d->config, d->store, daemon_max_streams(d));
	if (d->hub == NULL || role_open_queue(d) == -1)
		return -1;
	door_set_hub(d->door, d->hub);
	return 0;
}

static void
role_again(struct daemon *d, long ms)
{
	struct timeval again = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	event_add(d->role, &again);
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

	if (daemon_open_queue(d, &cause) == -1 ||
	    role_become_hub(d, &cause) == -1)
		log_fatal("cannot become the hub: %s", cause_text(cause));
	log_info("the hub now: queue %s, up to %zu streams", d->config->queue,
	    hub_max_streams(d->hub));
}

static bool
role_connect(struct daemon *d)
{
	struct client client;

	/* The descriptor is all that is wanted of it. */
	if (client_try(&client, d->config->queue, 0, 0) == -1)
		return false;
	d->attached_ms = clock_monotonic_ms();
	return uplink_attach(d->uplink, client.fd) == 0;
}

static void
role_start_hub(struct daemon *d)
{
	char *cause = NULL;

	if (demand_start(d->config->queue, &cause) == 0 && role_connect(d))
		return;
	role_complain(cause);
	free(cause);
	role_again(d, ROLE_START_AGAIN_MS);
}

void
role_seek_hub(struct daemon *d)
{
	char *cause = NULL;
	int locked;

	if (role_connect(d))
		return;
	/* Who leaves still asks for what it has begun, but starts nothing. */
	if (d->is_stopping) {
		role_again(d, ROLE_AGAIN_MS);
		return;
	}
	if (d->options->is_once) {
		role_start_hub(d);
		return;
	}
	locked = daemon_lock(d, &cause);
	if (locked == 0) {
		role_take_over(d);
		return;
	}
	if (locked == -1)
		role_complain(cause);
	free(cause);
	role_again(d, ROLE_AGAIN_MS);
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
	if (clock_monotonic_ms() - d->attached_ms < ROLE_SHORT_MS) {
		role_complain("it ends, or closes the connection, at once; "
			      "its log says why (queue-allow?)");
		role_again(d, ROLE_SHORT_MS);
	} else {
		log_info("the hub has ended");
		role_again(d, 0);
	}
}

static void
role_lost_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->hub == NULL) {
		role_lost_hub(d);
		return;
	}
	if (d->is_stopping)
		return;
	log_warning("the door has lost its own queue");
	if (role_attach_self(d) == -1)
		log_error("the door cannot reach its own queue");
}

/* Its work is done as soon as what it has begun is. */
static void
role_handed_off_cb(void *arg)
{
	struct daemon *d = arg;

	if (d->door->connection_count == 0)
		daemon_stop(d);
}

static bool
role_is_idle(struct daemon *d)
{
	uint64_t mark = hub_opened_count(d->hub) +
	    d->queue->counters.connections + d->queue->counters.lines +
	    d->queue->counters.fifo_lines;
	bool same = mark == d->busy_mark;

	d->busy_mark = mark;
	/* One connection to the queue is the door's own. */
	return same && hub_stream_count(d->hub) == 0 &&
	    d->queue->peer_count <= 1;
}

/* Somebody came when the socket's file was about to go. */
static void
role_stay(struct daemon *d)
{
	char *cause;

	d->is_leaving = false;
	if (daemon_reopen_queue(d, &cause) == 0 &&
	    queue_listen(d->queue, d->queue_fd) == 0)
		return;
	log_error("%s", cause_text(cause));
	free(cause);
	daemon_stop(d);
}

/*
 * Whoever is to be served must not meet a hub that leaves.  So first the
 * socket's file goes, and then, when all that had found it by then must have
 * been accepted, the hub looks once more whether it is idle.
 */
static void
role_idle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	uint64_t now = clock_monotonic_ms();
	bool is_idle = role_is_idle(d);

	(void)fd;
	(void)what;
	if (d->is_leaving && is_idle && !d->is_stopping) {
		log_info("stopping: idle for idle-exit");
		daemon_stop(d);
	} else if (d->is_leaving && !d->is_stopping) {
		role_stay(d);
	}
	if (d->is_stopping)
		return;
	if (!is_idle)
		d->busy_ms = now;
	d->is_leaving = now - d->busy_ms >= d->config->idle_exit_ms;
	if (d->is_leaving)
		unlink(d->config->queue);
	role_watch_idle(d);
}

void
role_watch_idle(struct daemon *d)
{
	uint64_t ms = d->config->idle_exit_ms / ROLE_IDLE_CHECKS + 1;

	if (d->options->start != DAEMON_ON_DEMAND)
		return;
	role_again(d, d->is_leaving ? ROLE_LEAVING_MS : (long)ms);
}

int
role_new(struct daemon *d)
{
	event_callback_fn cb =
	    d->options->start == DAEMON_ON_DEMAND ? role_idle_cb : role_seek_cb;

	d->busy_ms = clock_monotonic_ms();
	d->role = event_new(d->base, -1, 0, cb, d);
	d->uplink = uplink_new(d->base, role_lost_cb, d);
	d->programs = programs_new(d->base);
	if (d->role == NULL || d->uplink == NULL || d->programs == NULL ||
	    (d->door = door_new(d->base, d->uplink)) == NULL)
		return -1;
	d->door->sources.programs = d->programs;
	if (d->options->is_once) {
		d->door->handed_off_cb = role_handed_off_cb;
		d->door->handed_off_arg = d;
	}
	return 0;
}

void
role_free(struct daemon *d)
{
	door_free(d->door);
	uplink_free(d->uplink);
	/* The store gives back its batches, which the queue waits for. */
	if (d->store != NULL)
		store_close(d->store);
	queue_free(d->queue);
	if (d->hub != NULL)
		hub_free(d->hub);
	/* Their clients' streams are gone. */
	programs_free(d->programs);
	event_free(d->role);
	free(d->store_url);
}
