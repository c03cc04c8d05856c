/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a connection is made of, whatever it is about to do: its place in the
 * loop, its deadline, and its end.
 */

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "door/connection_part.h"
#include "door/uplink.h"

enum {
	CONNECTION_SURPLUS_MS = 1000
};

void
connection_release(struct connection *c)
{
	connection_set_idle(c, false);
	if (c->is_surplus) {
		TAILQ_REMOVE(&c->door->surplus, c, idle_link);
		c->door->surplus_count--;
	}
	TAILQ_REMOVE(&c->door->connections, c, link);
	c->door->connection_count--;
	if (c->io != NULL)
		event_free(c->io);
	if (c->deadline != NULL)
		event_free(c->deadline);
	if (c->asking != NULL)
		uplink_forget(c->asked, c->asking);
	exchange_free(c->exchange);
	gate_reset(&c->gate);
	buffer_clear(&c->in);
	buffer_clear(&c->out);
	free(c);
}

void
connection_close(struct connection *c)
{
	int fd = c->fd;

	/*
	 * The hub may hold a duplicate of this descriptor and open a stream on
	 * it later.  Shutting the socket down makes sure that nothing follows
	 * our answer.
	 */
	if (c->is_shared)
		shutdown(fd, SHUT_RDWR);
	connection_release(c);
	close(fd);
}

void
connection_break(struct connection *c, const char *why)
{
	log_debug("FastCGI connection closed: %s", why);
	c->door->counters.broken++;
	connection_close(c);
}

static uint64_t
connection_patience_ms(const struct connection *c)
{
	uint64_t ms = c->door->config->request_timeout_ms;

	return c->is_surplus && ms > CONNECTION_SURPLUS_MS
	    ? CONNECTION_SURPLUS_MS
	    : ms;
}

void
connection_set_deadline(struct connection *c, bool on)
{
	if (on == c->has_deadline)
		return;
	c->has_deadline = on;
	if (on)
		loop_set_timer(c->deadline, connection_patience_ms(c));
	else
		event_del(c->deadline);
}

void
connection_set_idle(struct connection *c, bool on)
{
	if (on == c->is_idle)
		return;
	c->is_idle = on;
	if (on)
		TAILQ_INSERT_TAIL(&c->door->idle, c, idle_link);
	else
		TAILQ_REMOVE(&c->door->idle, c, idle_link);
}

/*
 * Whether a door has more connections than it may, with those of streams; those
 * that wait to be turned away have no places.
 */
static bool
connection_are_too_many(const struct door *door)
{
	size_t count = door->connection_count - door->surplus_count;

	if (door->sources.hub != NULL)
		count += hub_stream_count(door->sources.hub);
	return count > door->max_connections;
}

void
connection_make_room(struct connection *c)
{
	struct door *door = c->door;
	struct connection *idle = TAILQ_FIRST(&door->idle);

	if (!connection_are_too_many(door))
		return;
	if (idle != NULL) {
		door->counters.idle_closed++;
		connection_close(idle);
		return;
	}
	c->is_surplus = true;
	TAILQ_INSERT_TAIL(&door->surplus, c, idle_link);
	if (++door->surplus_count > DOOR_SURPLUS_MAX)
		connection_close(TAILQ_FIRST(&door->surplus));
	if (door->counters.turned_away++ == 0)
		log_warning("FastCGI: a connection was turned away: %s; status "
			    "counts the next ones",
		    CONNECTION_SURPLUS);
}

void
connection_finish_request(struct connection *c)
{
	c->is_over = !c->gate.keep;
	c->is_kept = true;
	connection_set_deadline(c, false);
	gate_reset(&c->gate);
}

int
connection_watch(struct connection *c, bool writing)
{
	short what = writing ? EV_WRITE | EV_PERSIST : EV_READ | EV_PERSIST;

	if (c->io != NULL)
		event_free(c->io);
	c->is_writing = writing;
	c->io = event_new(c->door->base, c->fd, what, c->ready_cb, c);
	if (c->io == NULL)
		return -1;
	return event_add(c->io, NULL);
}

void
connection_unwatch(struct connection *c)
{
	if (c->io != NULL)
		event_free(c->io);
	c->io = NULL;
}
