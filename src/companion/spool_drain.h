/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_DRAIN_H
#define CRIER_COMPANION_SPOOL_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "companion/spool.h"
#include "protocol/client.h"

enum {
	/*
	 * A window is what is sent at once.  It begins with the command
	 * "order", so that crierd refuses what stands behind an event that it
	 * refuses for now: later events never come before it.
	 */
	SPOOL_WINDOW_EVENTS = 256,
	SPOOL_WINDOW_BYTES = 96 * 1024
};

/* The reply to an event; the texts live as long as the call. */
struct spool_reply {
	size_t index; /* of the event in the window */
	int code;     /* 0, or the exit code that it asks for */
	const char *why;
	const char *line; /* all of it, without its end */
	size_t len;
};

/*
 * How many events the next window may have: one, until it is known that this
 * crierd has the command "order".
 */
size_t spool_window(const struct client *);

/*
 * Sends lines, which hold count events, and waits for the replies until
 * deadline_ms (of clock_monotonic_ms).  True if all came; else the connection
 * is closed.  Empties lines.
 */
bool spool_exchange(struct client *, struct buffer *lines, size_t count,
    uint64_t deadline_ms,
    void (*reply_cb)(void *arg, const struct spool_reply *), void *arg);

/* Whether an event with this exit code is to be kept and tried again. */
bool spool_is_temporary(int code);

/* What became of the journal's events. */
struct spool_counts {
	uint64_t sent, refused, expired, damaged;
	char why[256]; /* the reason of EX_TEMPFAIL or EX_NOPERM, if it came
			  from crierd */
};

/*
 * Sends what the journal has, in order; with the sender's lock held.  What
 * crierd refuses for good is put aside, with a message.  0 when nothing is
 * left; EX_TEMPFAIL, EX_NOPERM: something is; or another exit code after a
 * message: the spool cannot be read or written.  Stops at deadline_ms; 0: only
 * when crierd is silent for CLIENT_SILENCE_MS.
 */
int spool_drain(struct spool *, struct client *, uint64_t deadline_ms,
    struct spool_counts *);

/*
 * Sets *has to whether the journal has an event that is not sent.  0, or the
 * exit code after a message.
 */
int spool_has_kept(struct spool *, bool *has);

#endif
