/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* A hub with its door and queue in the harness's process, made once: what an
 * input leaves behind is another one's beginning. */
#ifndef CRIER_TESTS_FUZZ_SITE_H
#define CRIER_TESTS_FUZZ_SITE_H

#include "door/door.h"
#include "hub/hub.h"
#include "queue/queue.h"

struct fuzz_site {
	struct event_base *base;
	struct hub *hub;
	struct door *door;
	struct queue *queue;
};

/* The site; text is its configuration. */
struct fuzz_site *fuzz_site_get(const char *text, size_t max_streams);

/* A configuration from memory; NULL with *cause, the caller's. */
struct config *fuzz_config_load(const void *text, size_t len, char **cause);

/* So many turns of the loop, none of which waits. */
void fuzz_site_turn(const struct fuzz_site *, int turns);

/* Turns until all has left that came: no stream, no connection, and descriptor
 * is the lowest that is free again.  Answers may wait for a time of the queue's
 * own, which no number of turns makes shorter; ends the program after 5 s. */
void fuzz_site_empty(const struct fuzz_site *, int descriptor);

/* A pair of connected sockets that nobody waits for. */
void fuzz_pair(int fds[2]);

/* Reads all that is there. */
void fuzz_drain(int fd);

/* The lowest descriptor that is free: it is the same when all are closed. */
int fuzz_free_descriptor(void);

#endif
