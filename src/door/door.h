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
 * through the gate, answers what is short by itself and gives the rest, as
 * subscriptions, to the hub: directly if the hub is in this process, else by
 * way of the uplink.
 */

enum {
	DOOR_LISTENERS_MAX = 16
};

struct connection;
struct uplink;

struct door {
	struct event_base *base;
	const struct config *config;
	size_t max_connections; /* as told to those who ask (GET_VALUES) */
	struct sources sources; /* here, or in the hub's process */
	struct uplink *uplink;
	void (*handed_off_cb)(void *arg); /* a stream went up; or NULL */
	void *handed_off_arg;
	struct listener *listeners[DOOR_LISTENERS_MAX];
	size_t listener_count;
	TAILQ_HEAD(door_connections_head,
	    connection) connections; /* without a stream */
	size_t connection_count;
	struct framing framing; /* of this door's streams */
	struct framing handed;  /* the same, of another process's door */
	struct framing raw;     /* of those that CGI programs hand over */
	struct door_counters counters;
};

/* A door without a hub, or NULL (memory).  The uplink stays the caller's. */
struct door *door_new(struct event_base *, struct uplink *);

/* From now on this configuration holds; both at least once. */
void door_configure(struct door *, const struct config *, size_t max);

/* The hub, from here on, is this one; NULL: another process's. */
void door_set_hub(struct door *, struct hub *);

/* Listens on a socket, the door's from here on; 0, or -1. */
int door_listen(struct door *, int fd);

/* Accepts no more connections. */
void door_close(struct door *);

/* Whether a request is yet to be answered. */
bool door_is_busy(const struct door *);

/* Closes and frees everything; streams are the hub's, and stay. */
void door_free(struct door *);

#endif
