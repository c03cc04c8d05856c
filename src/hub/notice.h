/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_NOTICE_H
#define CRIER_HUB_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/id.h"

struct hub;
struct stream;

/*
 * The channel `$streams`: an event for each stream that is opened and closed.
 *
 * These events go the way of all events, through the turn's batch and the
 * store, so that they have their place in the one order of ids.  They are made
 * from the moment when somebody follows the channel until nobody did for as
 * long as the channel keeps events; before and after, they cost nothing.
 */

#define NOTICE_CHANNEL "$streams"

struct hub_notices {
	bool is_on;
	bool is_followed;     /* here, since followed_ms */
	struct id begin;      /* events from before were never made */
	uint64_t followed_ms; /* when somebody was last seen to follow them */
	uint64_t lost;        /* for want of memory, since the last one */
};

/* No more events from now on. */
void notice_end(struct hub *);

/* A stream follows the channel from now on. */
void notice_follow(struct hub *);

/* The same of a stream at another node. */
void notice_begin(struct hub *);

/* Whether it is followed here, or was not long ago. */
bool notice_is_followed(struct hub *);

/*
 * Tells that a node has come, with this name, or is gone: then its streams are,
 * so many.
 */
void
notice_node(struct hub *, const char *what, const char *node, uint64_t streams);

/* Tell that a stream was opened, or is dead, if anybody wants to know. */
void notice_opened(const struct stream *);
void notice_closed(const struct stream *);

/*
 * The store did not take an event of crier's own.  True: the event has an id,
 * and may be kept in memory alone.  Streams that follow get it then, but
 * clients that resume from before it must be told that it may be missing,
 * unless it is fleeting.  False: nobody gets it, and the next notice says how
 * many were lost.
 */
bool notice_unstored(struct hub *, struct id, bool is_fleeting);

#endif
