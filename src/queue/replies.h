/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_REPLIES_H
#define CRIER_QUEUE_REPLIES_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "hub/hub.h"

/*
 * The replies to the lines of a turn of the loop, in the order of these lines.
 * They wait until the turn's batch is committed, and are then given to whoever
 * asked: a peer, or the named pipe, of which nothing more is known here.
 */

/* Called with the `who` that a reply was added for. */
struct asker {
	/* What became of an event; the outcome lives as long as the call. */
	void (*event_cb)(void *who, const struct hub_outcome *);
	/* A reply that was known at once, and stood behind others. */
	void (*text_cb)(void *who, const char *text, size_t len);
};

struct reply_list;

struct replies {
	struct hub *hub;
	struct event *turn;      /* active: the turn ends with a commit */
	bool is_due;             /* turn is active */
	uint64_t turns;          /* that ended with a commit */
	struct reply_list *list; /* of this turn, or NULL */
	bool is_paused;          /* since replies_may_read was false */
};

/* turn_cb is called when replies_commit is due.  0, or -1 (memory). */
int replies_init(struct replies *, struct event_base *, struct hub *,
    event_callback_fn turn_cb, void *arg);

/* Frees replies that were never committed. */
void replies_clear(struct replies *);

/* The reply to the event at this place in the turn's batch.  0, or -1. */
int replies_add_event(struct replies *, const struct asker *, void *who,
    size_t event);

/* A reply that is known, but stands behind others of the same asker.  0, -1. */
int replies_add_text(struct replies *, const struct asker *, void *who,
    const char *text, size_t len);

/* Sees that this turn ends with replies_commit. */
void replies_commit_later(struct replies *);

/*
 * Ends the turn: gives the batch to the store.  When it is committed, which may
 * be at once, the askers are called.  False if there was nothing to commit.
 */
bool replies_commit(struct replies *);

/*
 * Whether more may be read: not while too much waits for the store.  That is
 * remembered, and replies_may_resume says, once, when it is over.
 */
bool replies_may_read(struct replies *);
bool replies_may_resume(struct replies *);

#endif
