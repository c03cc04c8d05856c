/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_BATCH_H
#define CRIER_STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/text.h"
#include "protocol/id.h"

/*
 * A batch is what was published in one turn: stored with one commit, then
 * appended, delivered and acknowledged.  While a store has the batch, it
 * belongs to the store, which writes nothing but the ids and the outcomes.
 *
 * The store gives the ids, for it alone knows what others publish.  So a record
 * is encoded without its line `id:`, behind room for that, and the line is put
 * there when the id is known (batch_give_id).  The record of a publisher's own
 * id has its line from the beginning.
 */

enum {
	BATCH_WHY_SIZE = 160, /* for a store's reason, cut if need be */
	BATCH_FRONT = sizeof "id: \n" - 1 + ID_TEXT_SIZE
};

enum batch_outcome {
	BATCH_ACCEPTED,
	BATCH_DUPLICATE, /* its key was used before: see first_id */
	BATCH_REFUSED    /* see the batch's error */
};

struct batch_event {
	struct id id;                        /* 0-0: none yet */
	uint64_t added_ms, expires_ms;       /* monotonic; 0: never */
	uint64_t expires_wall_ms;            /* the same, by the wall clock */
	size_t record_off, record_len;       /* in the batch's bytes */
	size_t own_id_len;                   /* of a publisher's id; 0: none */
	size_t key_off, key_len;             /* in the batch's bytes; 0: none */
	size_t channel_first, channel_count; /* in the batch's channels */
	bool is_own;      /* crier's: nobody waits for its outcome */
	bool is_fleeting; /* in the histories alone, never stored */
	enum batch_outcome outcome;
	char *first_id; /* as clients saw it; the batch's to free */
	size_t streams; /* set when it is appended */
};

/* A channel that an event goes to, and what it keeps at that moment. */
struct batch_channel {
	void *channel;    /* the hub's; stays as long as the batch; or NULL */
	const char *name; /* its name; stays as long as the batch */
	size_t name_len;
	uint64_t keep, keep_bytes, keep_ms;
};

struct batch;

/* Who waits for a batch beside its publisher: the hub's, within who waits. */
struct batch_waiter {
	STAILQ_ENTRY(batch_waiter) link;
	void (*done)(struct batch_waiter *, const struct batch *);
};

/*
 * What the hub wants to know again when it starts anew: a text by a name.  It
 * is stored with the events of its batch or not at all; a store that is not
 * durable, or shared, has none.
 */
struct batch_note {
	STAILQ_ENTRY(batch_note) link;
	bool has_event; /* with the text goes the id of this event */
	size_t event;
	char *text; /* NULL: the name is forgotten */
	char name[];
};

struct batch {
	STAILQ_ENTRY(batch) link; /* the store's */
	struct buffer bytes;      /* records and keys */
	struct batch_event *events;
	size_t event_count, event_capacity;
	size_t fleeting_count; /* of the events */
	struct batch_channel *channels;
	size_t channel_count, channel_capacity;
	char error[BATCH_WHY_SIZE]; /* "" or why events were refused */
	uint64_t wall_ms;
	uint64_t began_us; /* monotonic: when it got its first event */
	size_t taken;      /* the first so many events are in the histories */
	/*
	 * Called on the loop's thread when the store is done with it.  A store
	 * whose log has it in several parts, with other batches in between,
	 * calls `came` for all but the last of them: the ids and outcomes of
	 * the first so many events are known.
	 */
	void (*came)(struct batch *, size_t events);
	void (*done)(struct batch *);
	void *hub;
	void (*committed_cb)(void *arg, struct batch *); /* the publisher's */
	void *arg;
	STAILQ_HEAD(batch_waiters, batch_waiter) waiters; /* the hub's */
	STAILQ_HEAD(batch_notes, batch_note) notes;
};

STAILQ_HEAD(batch_list, batch);

/* An empty batch, or NULL (memory). */
struct batch *batch_new(void);
void batch_free(struct batch *);

/*
 * Empties it for its next use: it keeps its memory.  What is set with every
 * commit (the time, who is called) stays as it was.
 */
void batch_empty(struct batch *);

/* The bytes that it takes, but for first ids. */
size_t batch_memory(const struct batch *);

/*
 * Makes room for one more event with so many channels; 0, or -1 (memory).  Add
 * the channels with batch_add_channel then, and the event with batch_add_event.
 */
int batch_reserve(struct batch *, size_t channels);
void batch_add_channel(struct batch *, const struct batch_channel *);
void batch_add_event(struct batch *, const struct batch_event *);

/* Adds a note, the texts of which are copied; 0, or -1 (memory). */
int batch_add_note(struct batch *, const char *name, const char *text,
    const size_t *event);

/*
 * Makes room in the batch's bytes for the line `id:` of a record, which is to
 * be appended next; 0, or -1 (memory).
 */
int batch_put_front(struct batch *);

/*
 * Gives an event its id.  Its record, which stands behind a front unless it has
 * an own id, begins with the line `id:` from now on.
 */
void batch_give_id(struct batch *, struct batch_event *, struct id);

/* Gives each event that has none an id that follows *last, and moves *last. */
void batch_give_ids(struct batch *, struct id *last);

/*
 * The event's id as its clients see it, within the batch's bytes; len 0: it has
 * none yet.
 */
struct text_span
batch_event_id(const struct batch *, const struct batch_event *);

/* The event's record without the line `id:`, within the batch's bytes. */
struct text_span
batch_event_body(const struct batch *, const struct batch_event *);

/* Refuses all events that are not refused yet, with this reason. */
void batch_refuse(struct batch *, const char *why);

#endif
