/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_BATCH_H
#define CRIER_COMPANION_SPOOL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "companion/spool.h"
#include "protocol/client.h"

enum {
	SPOOL_BATCH_EVENTS = 1024,
	SPOOL_BATCH_BYTES = 256 * 1024 /* above which nothing is added */
};

/* One event that is sent or kept. */
struct spool_item {
	size_t at, len;  /* in the batch's bytes */
	uint64_t number; /* of its line; 0: none */
	uint64_t serial; /* in its key */
	bool done;       /* sent, kept or refused */
	char *shown;     /* its id, or "kept"; NULL: nothing */
};

/* Events of one publisher, to be sent or kept together and in order. */
struct spool_batch {
	char key[40];      /* what all keys begin with: nobody else's do */
	uint64_t serial;   /* of the last one */
	uint64_t added_ms; /* wall clock, of the first of the batch */
	bool verbose;
	int code; /* the worst so far */

	struct buffer bytes;
	struct spool_item items[SPOOL_BATCH_EVENTS];
	size_t count;
	size_t sending, window; /* items from..from + window await replies */
	bool refused_for_now;
};

/* 0, or -1 with errno: there are no random numbers. */
int spool_batch_init(struct spool_batch *);
void spool_batch_clear(struct spool_batch *);

bool spool_batch_has_room(const struct spool_batch *);

/* Adds what is in bytes behind its first `from` bytes, without its end. */
void spool_batch_add(struct spool_batch *, size_t from, uint64_t number);

/* Sends what is not done until deadline_ms or the first that is refused for
 * now. */
void
spool_batch_send(struct spool_batch *, struct client *, uint64_t deadline_ms);

/* Keeps what is not done. */
void spool_batch_keep(struct spool_batch *, struct spool *);

/* Refuses what is not done. */
void spool_batch_refuse(struct spool_batch *, int code, const char *why);

/* Whether all is sent, kept or refused. */
bool spool_batch_is_done(const struct spool_batch *);

/* Prints what is to be shown, in order, and empties the batch. */
void spool_batch_finish(struct spool_batch *);

#endif
