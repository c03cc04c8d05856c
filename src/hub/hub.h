/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_HUB_H
#define CRIER_HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"

#include <event2/event.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/table.h"
#include "base/wheel.h"
#include "config/config.h"
#include "hub/channel.h"
#include "hub/delivery.h"
#include "hub/stream.h"
#include "protocol/event.h"
#include "protocol/figures.h"
#include "protocol/id.h"
#include "store/store.h"

struct fan;

struct json_object;
struct watch;

/*
 * The one owner of all histories and streams.  The queue publishes into it,
 * the doors bring it streams; it knows neither.
 *
 * Everything happens on the loop's thread.  A turn is: hub_now, then any
 * number of hub_publish and hub_subscribe, then hub_deliver.
 */

enum {
	HUB_FORGOTTEN = 4096
};

/* A user whose streams were closed for good. */
struct hub_stop {
	struct table_entry entry;
	TAILQ_ENTRY(hub_stop) link;
	uint64_t until_ms;
	char user[];
};

/* See notice.h. */
struct hub_notices {
	bool is_on;
	struct id begin;      /* events from before were never made */
	uint64_t followed_ms; /* when somebody was last seen to follow them */
	uint64_t lost;        /* for want of memory, since the last one */
};

struct hub {
	struct event_base *base;
	const struct config *config;
	struct table channels;
	TAILQ_HEAD(hub_all_channels_head, channel) all_channels;
	TAILQ_HEAD(hub_recent_head,
	    channel) recent; /* with history, longest unused first */
	SLIST_HEAD(hub_dirty_head, channel) dirty; /* have events to deliver */
	TAILQ_HEAD(hub_streams_head, stream) streams;
	TAILQ_HEAD(hub_dead_head,
	    stream) dead;   /* to be freed when the turn ends */
	struct table stops; /* by user */
	TAILQ_HEAD(hub_stop_list_head,
	    hub_stop) stop_list;       /* the oldest first */
	struct table users, addresses; /* of the streams; see visitor.h */
	size_t stream_count;
	size_t poll_count;  /* of them that poll */
	size_t max_streams; /* of the configuration and the descriptors */
	size_t history_bytes;
	uint64_t next_stream;
	uint64_t mark;               /* of hub_count_streams */
	uint64_t now_ms, started_ms; /* monotonic */
	uint64_t wall_ms;
	struct log_limit full_log, visitor_log;
	struct store *store;
	struct batch *batch;           /* of this turn, or NULL */
	size_t batches, batched_bytes; /* that the store has */
	uint64_t store_ms;             /* that it took for the last one */
	uint64_t store_moved_ms; /* when it gave that back, or got its next */
	struct id last;          /* given out last */
	struct id appended;      /* in the histories; streams know up to here */
	struct id forgotten[HUB_FORGOTTEN]; /* see channel_free */
	struct wheel stream_wheel, channel_wheel;
	struct watch *watch; /* of the streams' descriptors */
	const struct stream_hooks *hooks;
	struct event *tick, *reap, *drain_limit;
	bool is_ticking;
	struct block *heartbeat;
	struct fan *fan; /* NULL: one thread delivers */
	struct delivery_wire wire;
	struct hub_counters counters;
	struct hub_notices notices;
	struct event *stats_tick;
	struct hub_figures sample; /* a second ago; see stats.h */
	uint64_t sample_ms;
	void (*turn_cb)(void *); /* sees that the turn ends with a commit */
	void *turn_arg;
	bool is_draining;
	bool is_draining_last; /* those who watched the others end */
	bool is_drain_late;    /* nobody is waited for any more */
	void (*drained_cb)(void *);
	void *drained_arg;
};

/* A hub, or NULL (memory).  Configuration and store stay the caller's. */
struct hub *hub_new(struct event_base *, const struct config *, struct store *,
    size_t max_streams);

/* Closes all streams as they are and frees everything. */
void hub_free(struct hub *);

/* Reads the clock; at the start of every callback that uses the hub. */
void hub_now(struct hub *);

/* Sets a timer of one of the hub's wheels, and sees that the wheels turn. */
void hub_set_timer(struct hub *, struct wheel *, struct wheel_timer *,
    uint64_t due_ms);

/* Whether `close --stop --user` holds for this user. */
bool hub_user_is_stopped(struct hub *, struct text_span user);
void hub_forget_stops(struct hub *);

/* Takes draining to its next step, if it may; the timer of its limit. */
void hub_drain_step(struct hub *);
void hub_drain_limit_cb(evutil_socket_t, short, void *arg);

/* Sees that dead streams are freed when this turn of the loop ends. */
void hub_reap_later(struct hub *);

/* The configuration that holds now; the caller's of hub_new. */
const struct config *hub_config(const struct hub *);

/*
 * Counts what never came to hub_publish or hub_subscribe: a line that was to be
 * an event, or a client that was asked to come again.
 */
void hub_count_refused(struct hub *);
void hub_count_turned_away(struct hub *);

/* From now on this configuration holds, for existing channels too. */
void hub_reconfigure(struct hub *, const struct config *, size_t max_streams);

/*
 * Adds an event to the turn's batch.  Returns its place in the batch, or -1
 * with *why it is refused and the exit code of sysexits(3) for it.
 */
ptrdiff_t hub_publish(struct hub *, const struct text_span *names, size_t count,
    const struct event_fields *, const char **why, int *code);

/*
 * Adds an event of crier's own to the turn's batch, with these data, which are
 * freed, in a channel that exists.  It cannot be refused; what is fleeting is
 * not stored.  0, or -1 (memory).
 */
int hub_tell(struct hub *, const char *channel, const char *name,
    struct json_object *data, bool is_fleeting);

/*
 * Gives the turn's batch to the store.  When it is committed, its events are
 * appended, each in all of its channels, and delivered; then committed_cb is
 * called, at once or later, with a batch (valid during the call) of which
 * hub_get_outcome tells.  Batches come back in order.  0, or -1 (memory).
 */
int hub_commit(struct hub *, void (*committed_cb)(void *arg, struct batch *),
    void *arg);

/* Whether anything was published since the last hub_commit. */
bool hub_has_batch(const struct hub *);

/* Bytes that are on their way through the store. */
size_t hub_committing_bytes(const struct hub *);

/*
 * Who is told that the hub itself has published something, and that the turn
 * must end with hub_commit; NULL: nobody any more.
 */
void hub_set_turn_cb(struct hub *, void (*turn_cb)(void *arg), void *arg);

/* What became of an event; texts are the batch's. */
struct hub_outcome {
	const char *refusal; /* NULL: it is, or was, published */
	bool is_duplicate;   /* its key was used before: the first one's id */
	bool is_own_id;      /* of a publisher: any text */
	struct text_span id; /* as its clients see it */
	size_t streams;      /* that follow its channels */
};

/* Of the event with this place in a batch that came back. */
struct hub_outcome hub_get_outcome(const struct batch *, size_t event);

/* How long it is since the store gave a batch back, while it has some. */
uint64_t hub_store_wait_ms(const struct hub *);

/* Writes what is pending to every stream of the channels that grew. */
void hub_deliver(struct hub *);

/*
 * Opens a stream; its first bytes are the subscription's head, `retry:` and
 * the cursor.  If HUB_OPENED the descriptor is the stream's, else untouched.
 */
enum hub_answer hub_subscribe(struct hub *, const struct subscription *);

/* Whether there is room for one more. */
bool hub_has_room(const struct hub *);

/* How many streams are open, may be open, and were opened since the start. */
size_t hub_stream_count(const struct hub *);
size_t hub_max_streams(const struct hub *);
uint64_t hub_opened_count(const struct hub *);

/* Whether a channel with this name has events that crier makes itself. */
bool hub_is_own_channel(struct text_span name);

/*
 * Ends streams and returns how many: those of a channel, of a user, or one by
 * its id.  With stop, their clients are told not to come back.
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
void hub_drain(struct hub *, void (*drained_cb)(void *), void *arg);

#endif
