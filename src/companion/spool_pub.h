/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_PUB_H
#define CRIER_COMPANION_SPOOL_PUB_H

#include "companion/client_feed.h"
#include "companion/verb.h"

enum {
	/*
	 * Milliseconds that another sender and replies are waited for without
	 * -w.
	 */
	SPOOL_PATIENCE_MS = 2000
};

/* What `crier pub -S` publishes. */
struct spool_source {
	const struct verb_env *env;
	const char *dir;
	struct client_input input; /* fd -1: the event is text */
	const char *text;
	size_t text_len;
	struct client_encoder encoder;
	bool verbose; /* print the ids, or "kept" */
};

/*
 * Sends events, after those that the spool has; keeps what cannot be sent for
 * now.  Says on standard error what was refused for good and why.  The exit
 * code: 0 if all were sent or kept; else as of client_feed_run, EX_TEMPFAIL if
 * some could not be kept either.
 */
int spool_pub_run(struct spool_source *);

#endif
