/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_CHANNEL_H
#define CRIER_HUB_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "base/text.h"
#include "base/wheel.h"
#include "config/config.h"
#include "hub/history.h"
#include "protocol/event.h"

struct hub;
struct stream;

enum {
	CHANNEL_FORGOTTEN = 4096
};

/* Whether a channel is one of those whose events crier makes itself. */
enum channel_own {
	CHANNEL_PLAIN,
	CHANNEL_STREAMS, /* see notice.h */
	CHANNEL_STATS    /* see stats.h */
};

/*
 * A named, ordered sequence of events.  It exists while it has history,
 * streams, or was closed for good; else it costs nothing, for it is freed.
 */
struct channel {
	TAILQ_ENTRY(channel) link; /* in hub->channels.all */
	TAILQ_ENTRY(channel)
	recent; /* in hub->channels.recent, while has_history */
	SLIST_ENTRY(channel) dirty; /* in hub->channels.dirty, while is_dirty */
	struct wheel_timer timer;   /* when history or stop ends by age */
	const struct config_channel *rule;
	struct history history;
	struct cursor **cursors; /* of the streams that follow it, dense */
	uint32_t cursor_count, cursor_capacity;
	uint64_t stopped_until_ms; /* monotonic; 0: not stopped */
	size_t counted; /* of history.memory, in hub->channels.history_bytes */
	uint32_t pending; /* of its events are on their way through the store */
	bool is_dirty, has_history;
	bool has_run; /* that is going on: it stays, and run.c hears of it */
	uint8_t own;
	struct table_entry entry; /* in hub->channels.table; beside its name */
	char name[];
};

/*
 * A stream's place in one channel: all before seq was sent, or is in the
 * stream's half-sent unit.  Part of the stream; known to the channel.
 */
struct cursor {
	struct stream *stream;
	struct channel *channel;
	uint64_t seq;
	uint32_t slot; /* channel->cursors[slot] is this one */
};

/* All channels. */
struct hub_channels {
	struct table table; /* by name */
	TAILQ_HEAD(hub_all_channels_head, channel) all;
	TAILQ_HEAD(hub_recent_head,
	    channel) recent; /* with history, longest unused first */
	SLIST_HEAD(hub_dirty_head, channel) dirty; /* have events to deliver */
	struct history_shared shared;              /* by their histories */
	size_t history_bytes;
	struct id forgotten[CHANNEL_FORGOTTEN]; /* see channel_free */
};

/* No channels yet; of no event up to this id is anything known. */
void channels_init(struct hub *, struct id forgotten);

/* Frees all channels; no stream may be left. */
void channels_clear(struct hub *);

/* Applies the configuration that holds now to all channels. */
void channels_reconfigure(struct hub *);

/*
 * Applies `history-bytes`, the bound of all channels together: those that were
 * published to longest ago give first.
 */
void channels_shrink(struct hub *);

/*
 * Takes a channel that has events to deliver out of the dirty ones, or NULL:
 * there are none.
 */
struct channel *channels_take_dirty(struct hub *);

/* The one of crier's own channels that a name means, or CHANNEL_PLAIN. */
enum channel_own channel_find_own(const char *name, size_t len);

/* The channel, or NULL if it does not exist. */
struct channel *channel_find(struct hub *, const char *name, size_t len);

/* The channel, made if need be; NULL for want of memory. */
struct channel *channel_get(struct hub *, const char *name, size_t len);

/* An event is on its way: has the processor fetch what it will need. */
void channel_expect(const struct channel *);

/* Frees a channel that has nothing left to keep it. */
void channel_release(struct hub *, struct channel *);

/* Frees a channel with all that it has; no stream may follow it. */
void channel_free(struct hub *, struct channel *);

/* Makes room for one record; 0, or -1 (memory). */
int channel_prepare(struct hub *, struct channel *, size_t len);

/*
 * Appends a record, for which channel_prepare made room, and marks the channel
 * for delivery.  The history is trimmed only after that (channel_trim): a batch
 * larger than what is kept still reaches every stream that can take it.
 */
void channel_append(struct hub *, struct channel *, const struct history_note *,
    const char *record, size_t len);

/* Instead, if there was no room: only the store has the event (history_skip).
 */
void channel_skip(struct hub *, struct channel *, struct id);

/* A channel that need not exist here skips the event with this id. */
void channel_pass(struct hub *, const char *name, size_t len, struct id);

/* All channels skip what comes up to this id. */
void channels_skip(struct hub *, struct id);

/*
 * Applies keep, keep-bytes, keep-seconds, and sets the timer for the rest;
 * nothing while the channel is dirty.
 */
void channel_trim(struct hub *, struct channel *);

/* Drops the oldest events until so much memory is free, or all. */
void channel_shrink(struct hub *, struct channel *, size_t bytes);

/* A timer of hub->clock.channels is due; arg is the hub. */
void channel_due_cb(struct wheel_timer *, void *arg);

/*
 * Every event of a channel after this id is retained in memory.  NULL: it does
 * not exist.
 */
struct id channel_floor(const struct hub *, const struct channel *,
    struct text_span name);

/*
 * Whether a client that has seen all up to an id may have missed events; floor
 * is what is no longer retained.  NULL: its id is not known.
 */
bool channel_has_gap(const struct hub *, enum channel_own, struct id floor,
    const struct id *after);

/* Makes a cursor one of the channel's, and undoes it; 0, or -1 (memory). */
int channel_add_cursor(struct channel *, struct cursor *);
void channel_remove_cursor(struct cursor *);

/* `close --stop`: from now on nobody may follow it, until a new event. */
void channel_stop(struct hub *, struct channel *, uint64_t ms);
bool channel_is_stopped(const struct hub *, const struct channel *);

#endif
