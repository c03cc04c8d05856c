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
	uint64_t serial; /* its number within the keys */
	bool done;       /* sent, kept or refused */
	char *shown;     /* its id, or "kept"; NULL: nothing */
};

/* Events of one publisher, to be sent or kept together and in order. */
struct spool_batch {
	char key[40];      /* what all keys begin with, and nobody else's */
	uint64_t serial;   /* of the last item */
	uint64_t added_ms; /* since the machine's start: its first item */
	bool verbose;
	int code; /* the worst so far */

	struct buffer bytes;
	struct spool_item items[SPOOL_BATCH_EVENTS];
	size_t count;
	size_t sending, window; /* so many items, from there on, are awaited */
	bool refused_for_now;
};

/* 0, or -1 with errno: there are no random numbers. */
int spool_batch_init(struct spool_batch *);
void spool_batch_clear(struct spool_batch *);

bool spool_batch_has_room(const struct spool_batch *);

/*
 * Adds an item: what is in bytes behind the first `from`, without its line end.
 */
void spool_batch_add(struct spool_batch *, size_t from, uint64_t number);

/*
 * Sends the items that are not done, until deadline_ms or one is refused for
 * now.
 */
void
spool_batch_send(struct spool_batch *, struct client *, uint64_t deadline_ms);

/* Keeps the items that are not done. */
void spool_batch_keep(struct spool_batch *, struct spool *);

/* Refuses the items that are not done. */
void spool_batch_refuse(struct spool_batch *, int code, const char *why);

/* Whether all items are sent, kept or refused. */
bool spool_batch_is_done(const struct spool_batch *);

/* Prints ids and "kept", in the order of the items, and empties the batch. */
void spool_batch_finish(struct spool_batch *);

#endif
