/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_CONNECTION_PART_H
#define CRIER_DOOR_CONNECTION_PART_H

#include "base/buffer.h"
#include "door/connection.h"
#include "door/gate.h"
#include "protocol/id.h"
#include "request/exchange.h"

/*
 * What connection.c, connection_pass.c and, below both, connection_life.c have
 * in common.
 */

/* What is said to whoever is one too many. */
#define CONNECTION_SURPLUS \
	"there are too many connections (fastcgi-connections)"

struct connection {
	TAILQ_ENTRY(connection) link;
	TAILQ_ENTRY(connection) idle_link; /* in door->idle or ->surplus */
	struct door *door;
	struct event *io, *deadline;
	event_callback_fn ready_cb; /* of io */
	int fd;
	bool is_writing;
	bool is_kept;     /* has served a request, and may be idle */
	bool is_idle;     /* is among the door's idle ones */
	bool is_surplus;  /* one more than may be */
	bool has_request; /* in the gate, to be served when out is sent */
	bool is_over;     /* to be closed when out is sent */
	bool is_shared;   /* the hub may have the descriptor, too */
	bool has_deadline;
	struct gate gate;
	struct exchange *exchange;     /* the request that is served, or NULL */
	struct uplink_request *asking; /* what the hub was asked, or NULL */
	struct uplink *asked;          /* by this one */
	bool hands_over;               /* with that goes the descriptor */
	bool is_holding;               /* waits for its client's own socket */
	struct id held_from;           /* its stream begins behind this */
	int client;                    /* what came of that, or -1 */
	struct buffer in, out;
};

/* Waits to read, or to write; 0, or -1. */
int connection_watch(struct connection *, bool writing);

/* Takes the descriptor out of the loop, until connection_watch. */
void connection_unwatch(struct connection *);

/*
 * Within request-timeout the request must come, or the hub's reply; that of one
 * that is surplus within a second.
 */
void connection_set_deadline(struct connection *, bool on);

/* Lets it enter the door's idle ones, as the last, or leave them. */
void connection_set_idle(struct connection *, bool on);

/*
 * One has been opened: if that is more than may be, the one that has been idle
 * for longest is closed, which may be this one.  Without such a one this is
 * surplus: its request is refused when it comes.  It need not be there yet, and
 * web servers take a connection that is closed without an answer for a fault:
 * they try again at once, or answer 500, which ends an EventSource for good. If
 * too many wait so, the first of them is closed.
 */
void connection_make_room(struct connection *);

/* Frees the structure; the descriptor stays open. */
void connection_release(struct connection *);

/* The peer is at fault. */
void connection_break(struct connection *, const char *why);

/* The gate's request is answered: records for it are in out. */
void connection_finish_request(struct connection *);

/* connection_pass: whether a stream may be written to its client's socket. */
bool
connection_may_hold(const struct connection *, const struct opening *opening);

/* connection_pass: sends the head alone; EXCHANGE_WAITS or _FAILED. */
enum exchange_state connection_hold(struct connection *, struct text_span head);

/*
 * connection_pass: sends the held stream's head, at first and when there is
 * room for more of it.  The connection may be gone.
 */
void connection_hold_send(struct connection *);

/*
 * connection_pass: goes on with a held stream when there is something to be
 * received, and when time is over.  EXCHANGE_WAITS: nothing more is to be done
 * now, and the connection may be gone; else as of an answer.
 */
enum exchange_state connection_hold_receive(struct connection *);
enum exchange_state connection_hold_over(struct connection *);

#endif
