/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_CLIENT_FEED_H
#define CRIER_COMPANION_CLIENT_FEED_H

#include "companion/client_input.h"
#include "protocol/client.h"

/*
 * How what is published becomes lines of the queue.  Each function appends one,
 * its newline included: 0, or -1 with errno = ENOMEM.
 */
struct client_encoder {
	/* Makes a line of a text without its newline; NULL: texts are lines. */
	int (*line)(void *arg, const char *text, size_t len, struct buffer *);
	/*
	 * Makes the last line, when the replies to all others have come; or
	 * NULL: there is none.
	 */
	int (*last)(void *arg, struct buffer *);
	void *arg;
};

/* Appends the line that the encoder makes of a text.  As above. */
int client_encode(const struct client_encoder *, const char *text, size_t len,
    struct buffer *to);

/* Sends events without waiting for each other's replies.  Memory is bounded. */
struct client_feed {
	/* Set by the caller, the rest being 0: */
	struct client *client;
	struct client_input input; /* where lines come from */
	struct client_encoder encoder;
	bool verbose; /* print the ids */

	/* The feed's own: */
	struct buffer numbers; /* of the lines whose replies are awaited */
	int code;              /* the worst so far */
};

/* Adds a text that is not of the input: messages give it no line's number. */
int client_feed_add(struct client_feed *, const char *text, size_t len);

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
