/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_HUB_H
#define CRIER_HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/text.h"
#include "config/config.h"
#include "hub/subscription.h"
#include "protocol/event.h"

struct batch;
struct store;

/*
 * The one owner of all histories and streams.  The queue publishes into it,
 * the doors bring it streams; it knows neither.
 *
 * Everything happens on the loop's thread.  A turn is: hub_now, then any
 * number of hub_publish and hub_subscribe, then hub_commit, with which the
 * events come to the streams (turn.c).
 */
struct hub;

/*
 * A hub, or NULL (memory, threads).  Configuration and store stay the caller's.
 */
struct hub *hub_new(struct event_base *, const struct config *, struct store *,
    size_t max_streams);

/* Closes all streams as they are and frees everything. */
void hub_free(struct hub *);

/* Reads the clock; at the start of every callback that uses the hub. */
void hub_now(struct hub *);

/* From now on this configuration holds, for existing channels too. */
void hub_reconfigure(struct hub *, const struct config *, size_t max_streams);

/* The configuration that holds now; the caller's of hub_new. */
const struct config *hub_config(const struct hub *);

/*
 * Adds an event to the turn's batch.  Returns its place in the batch, or -1
 * with *why it is refused and the exit code of sysexits(3) for it.
 */
ptrdiff_t hub_publish(struct hub *, const struct text_span *names, size_t count,
    const struct event_fields *, const char **why, int *code);

/* Whether anything was published since the last hub_commit. */
bool hub_has_batch(const struct hub *);

/*
 * Who is told that the hub itself has published something, and that the turn
 * must end with hub_commit; NULL: nobody any more.
 */
void hub_set_turn_cb(struct hub *, void (*turn_cb)(void *arg), void *arg);

/*
 * Gives the turn's batch to the store.  When it is committed, its events are
 * appended, each in all of its channels, and delivered; then committed_cb is
 * called, at once or later, with a batch (valid during the call) of which
 * hub_get_outcome tells.  Batches come back in order.  0, or -1 (memory).
 */
int hub_commit(struct hub *, void (*committed_cb)(void *arg, struct batch *),
    void *arg);

/* Bytes that are on their way through the store. */
size_t hub_committing_bytes(const struct hub *);

/* What became of an event; texts are the batch's. */
struct hub_outcome {
	const char *refusal; /* NULL: it is, or was, published */
	bool is_duplicate;   /* its key was used before: the first one's id */
	bool is_own_id;      /* of a publisher: any text */
	struct text_span id; /* as its clients see it */
	size_t streams;      /* that follow its channels */
};

/* The outcome of the event with this place in a batch that came back. */
struct hub_outcome hub_get_outcome(const struct batch *, size_t event);

/*
 * Opens a stream; its first bytes are the subscription's head, `retry:` and
 * the cursor.  If HUB_OPENED the descriptor is the stream's, else untouched.
 */
enum hub_answer hub_subscribe(struct hub *, const struct subscription *);

/*
 * Whether the hub would open such a stream, and not as a poll, if it were asked
 * now; and could still give it what is published until it is asked.
 */
bool hub_would_open(struct hub *, const struct subscription *);

/* The newest event's id: behind it a stream that opens now begins. */
struct id hub_position(const struct hub *);

/*
 * A position that nothing of these channels came behind: the newest event's of
 * theirs or, where memory has none and for no channels, of all.  False: there
 * is none yet, for the store was never reached.
 */
bool hub_find_position(struct hub *, const struct text_span *names,
    size_t count, struct id *);

/* Says to people why a stream was not opened; "" for HUB_OPENED. */
const char *hub_answer_text(enum hub_answer);

/* How many streams are open, may be open, and were opened since the start. */
size_t hub_stream_count(const struct hub *);
size_t hub_max_streams(const struct hub *);
uint64_t hub_opened_count(const struct hub *);

/* Whether a channel with this name has events that crier makes itself. */
bool hub_is_own_channel(struct text_span name);

/*
 * Counts what never came to hub_publish or hub_subscribe: a line that was to be
 * an event, or a client that was asked to come again.
 */
void hub_count_refused(struct hub *);
void hub_count_turned_away(struct hub *);

/*
 * Ends streams of this hub and returns how many: those of a channel, of a user,
 * or one by its id.  With stop, their clients are told not to come back.
 */
size_t hub_close_channel(struct hub *, const char *name, size_t len, bool stop);
size_t hub_close_user(struct hub *, const char *user, bool stop);
size_t hub_close_stream(struct hub *, uint64_t id);

/*
 * Ends all streams with a `retry:` that spreads their return, admits no more,
 * and calls back once, when the last one is gone or after drain-time.  Those
 * that follow `$streams` are ended last, so that they hear of the others; that
 * may take drain-time once more.
 */
void hub_drain(struct hub *, void (*done_cb)(void *), void *arg);

#endif
