/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_LIMIT_H
#define CRIER_APACHE_LIMIT_H

#include <httpd.h>

/*
 * How many streams there may be, so that whoever asks for a page always finds
 * a worker.
 *
 * A relayed stream takes no worker, but the event MPM counts its connection,
 * and a child with too many of them accepts no more: relayed streams are
 * bounded for each child.  A held stream takes a worker: those are bounded
 * for all children together, counted in shared memory.
 *
 * A place is reserved before crierd is asked, so that no program is started
 * for a stream that cannot be.
 */
enum place {
	PLACE_NONE,
	PLACE_RELAYED,
	PLACE_HELD,
	PLACE_HELD_HTTP2
};

/*
 * For the post_config hook, when httpd has read its configuration:
 * max_streams is CrierMaxStreams, 0 if that was not said.  OK, or an HTTP
 * status when there is no memory.
 */
int limit_configure(apr_pool_t *, server_rec *, int max_streams);

/* For the child_init hook. */
void limit_child_init(void);

/* Whether there was a place; it is to be released by whoever has it then. */
int limit_reserve(enum place);
void limit_release(enum place);

#endif
