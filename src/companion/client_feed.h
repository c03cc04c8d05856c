/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_CLIENT_FEED_H
#define CRIER_COMPANION_CLIENT_FEED_H

#include "companion/client_input.h"
#include "protocol/client.h"

/*
 * Turns a line (without its newline) into one of the queue, newline included,
 * behind what `to` has.  0, or -1 with errno = ENOMEM.
 */
typedef int (*client_feed_encoder)(void *arg, const char *line, size_t len,
    struct buffer *to);

/* Sends events without waiting for each other's replies.  Memory is bounded. */
struct client_feed {
	/* The caller's, the rest being 0: */
	struct client *client;
	struct client_input input;  /* where lines come from */
	client_feed_encoder encode; /* NULL: lines are sent as they are */
	client_feed_encoder last;   /* NULL, or makes one more of nothing when
				       all replies to the others have come */
	void *arg;
	bool verbose; /* print the ids */

	/* Its own: */
	struct buffer numbers; /* of the lines whose replies are awaited */
	int code;
};

/* Adds one line that is not of the input: messages give it no number. */
int client_feed_add(struct client_feed *, const char *line, size_t len);

/*
 * Sends what the input has, to its end, and waits for all replies.  Says on
 * standard error which lines were refused and why, and goes on.  Returns the
 * exit code: 0; EX_TEMPFAIL if the connection was lost before all replies
 * came, EX_IOERR or EX_OSERR if it could not go on; else of the refusals'
 * codes EX_NOPERM, then EX_DATAERR, then any other, since what cannot succeed
 * should not be tried again as it is.
 */
int client_feed_run(struct client_feed *);

void client_feed_clear(struct client_feed *);

#endif
