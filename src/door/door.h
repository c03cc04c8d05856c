/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_DOOR_H
#define CRIER_DOOR_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/list.h"
#include "base/listener.h"
#include "hub/hub.h"

/*
 * The FastCGI door: accepts the web server's connections, lets their requests
 * through the gate, answers what is short by itself and gives the rest, as
 * subscriptions, to the hub.
 */

enum {
	DOOR_LISTENERS_MAX = 16
};

struct door_counters {
	uint64_t connections, requests;
	uint64_t refused; /* answered with an error */
	uint64_t broken; /* connections closed for what they sent, or did not */
};

struct connection;

struct door {
	struct event_base *base;
	struct hub *hub;
	struct listener *listeners[DOOR_LISTENERS_MAX];
	size_t listener_count;
	TAILQ_HEAD(door_connections_head,
	    connection) connections; /* without a stream */
	size_t connection_count;
	struct framing framing;
	struct door_counters counters;
};

/* A door into this hub, or NULL (memory). */
struct door *door_new(struct event_base *, struct hub *);

/* Listens on a socket, the door's from here on; 0, or -1. */
int door_listen(struct door *, int fd);

/* Accepts no more connections. */
void door_close(struct door *);

/* Closes and frees everything; streams are the hub's, and stay. */
void door_free(struct door *);

#endif
