/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_DOOR_H
#define CRIER_DOOR_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/list.h"
#include "base/listener.h"
#include "config/config.h"
#include "hub/hub.h"
#include "source/sources.h"
#include "protocol/figures.h"

/*
 * The FastCGI door: accepts the web server's connections, lets their requests
 * through the gate, and has an exchange serve each.  Streams are opened in this
 * process if it has the hub, else handed over on the uplink, by which the hub's
 * queue is asked all else.
 */

enum {
	DOOR_LISTENERS_MAX = 16,
	DOOR_SURPLUS_MAX = 16 /* connections beyond max_connections */
};

struct connection;
struct uplink;

struct door {
	struct event_base *base;
	const struct config *config;
	size_t max_connections; /* with those that streams have */
	struct sources sources; /* here, or in the hub's process */
	struct uplink *uplink;
	struct uplink *aside;        /* see aside.h; or NULL */
	int (*attach_cb)(void *arg); /* connects that: 0, or -1 */
	void *attach_arg;
	/* A stream was handed over; or NULL. */
	void (*handed_off_cb)(void *arg);
	void *handed_off_arg;
	struct listener *listeners[DOOR_LISTENERS_MAX];
	size_t listener_count;
	TAILQ_HEAD(door_connections_head,
	    connection) connections; /* without a stream */
	/* Those of them that are idle between two requests, longest first. */
	TAILQ_HEAD(door_idle_head, connection) idle;
	/* Those that are more than may be; door->connections has them, too. */
	TAILQ_HEAD(door_surplus_head, connection) surplus;
	size_t connection_count, surplus_count;
	struct framing framing; /* of this door's streams */
	struct framing handed;  /* of those of another process's door */
	struct framing raw;     /* of those that a CGI process handed over */
	struct framing passed;  /* of those with their client's own socket */
	struct door_counters counters;
};

/* A door without a hub, or NULL (memory).  The uplink stays the caller's. */
struct door *door_new(struct event_base *, struct uplink *);

/*
 * From now on this configuration holds, and max connections at most, of which
 * each stream of the hub counts as one.  To be called at least once.
 */
void door_configure(struct door *, const struct config *, size_t max);

/* From now on this is the hub; NULL: it is in another process. */
void door_set_hub(struct door *, struct hub *);

/* Listens on a socket, which is the door's from now on.  0, or -1. */
int door_listen(struct door *, int fd);

/* Accepts no more connections. */
void door_close(struct door *);

/* Whether a request is not answered yet. */
bool door_is_busy(const struct door *);

/* Closes and frees everything but streams, which are the hub's. */
void door_free(struct door *);

#endif
