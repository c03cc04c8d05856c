/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>

#include "hub/fan.h"
#include "hub/notice.h"
#include "hub/replay.h"
#include "hub/publish.h"
#include "hub/stall.h"
#include "hub/state.h"

/*
 * A turn of the loop: how events come from publishers to streams.
 *
 *  1. All that can be read is read.  Each event is checked, encoded and put
 *     into the turn's batch (publish.c).
 *  2. The batch is given to the store, which gives the ids, and the loop goes
 *     on.  Several batches may be with the store at once; they come back in
 *     order.
 *  3. What comes back is appended to the histories of its channels, unless the
 *     store refused it or knew its key.
 *  4. The channels that grew are delivered, each once: one pass over its
 *     cursors, one system call for each stream.
 *  5. Retention is applied, in memory.
 *  6. The publishers are told what became of their events.
 *
 * This order is what crier promises.  An event is committed before any stream
 * gets it, so no client has an id that a restart does not know.  It is
 * delivered before it is acknowledged, so a publisher that waits for its
 * replies is as fast as its readers' server, and no faster.  Retention is
 * applied behind the delivery, so a batch larger than what is kept still
 * reaches every stream that can take it.  And since a turn has one batch, a
 * busy queue has larger batches, fewer commits and fewer system calls.
 *
 * hub->store->last is the newest id that was given out, hub->turn.appended the
 * newest that streams may see; between the two is what the store has.  Steps 3
 * to 6 are one call, turn_take_back, so nobody meets a batch half done.  The
 * memory store makes that call from within hub_commit, the others make it
 * later, from the loop.
 *
 * Streams end in the middle of step 4, and of that crier may make events of its
 * own (notice.c).  They go into the batch of the next turn, and turn.end_cb
 * sees that there is one; so nothing recurses, and a turn has one commit.
 */

enum {
	TURN_SPARE_BYTES = 65536 /* of a batch that is worth keeping */
};

static void turn_take_part(struct batch *, size_t);
static void turn_take_back(struct batch *);

/* Step 1: publish.c fills the batch; whoever does so ends the turn. */

bool
hub_has_batch(const struct hub *hub)
{
	return hub->turn.batch != NULL;
}

void
hub_set_turn_cb(struct hub *hub, void (*turn_cb)(void *), void *arg)
{
	hub->turn.end_cb = turn_cb;
	hub->turn.end_arg = arg;
}

/* Step 2: the store gets the batch. */

int
hub_commit(struct hub *hub, void (*committed_cb)(void *, struct batch *),
    void *arg)
{
	struct hub_turn *t = &hub->turn;
	struct batch *b = publish_get_batch(hub);

	if (b == NULL)
		return -1;
	t->batch = NULL;
	b->wall_ms = hub->clock.wall_ms;
	b->came = turn_take_part;
	b->done = turn_take_back;
	b->hub = hub;
	b->committed_cb = committed_cb;
	b->arg = arg;
	if (t->committing++ == 0)
		t->store_moved_ms = hub->clock.now_ms;
	t->committing_bytes += b->bytes.len;
	hub->store->ops->commit(hub->store, b);
	return 0;
}

size_t
hub_committing_bytes(const struct hub *hub)
{
	return hub->turn.committing_bytes;
}

uint64_t
turn_store_wait_ms(const struct hub *hub)
{
	if (hub->turn.committing == 0)
		return 0;
	return hub->clock.now_ms - hub->turn.store_moved_ms;
}

/* Batches come back in order: this one was with the store the longest. */
static void
turn_note_store(struct hub *hub, const struct batch *b)
{
	if (b->event_count > 0)
		hub->turn.store_ms = hub->clock.now_ms - b->events[0].added_ms;
	hub->turn.store_moved_ms = hub->clock.now_ms;
}

/* Step 3: what the store accepted is appended. */

/* The streams of these channels, each counted once. */
static size_t
turn_count_streams(struct hub *hub, const struct batch_channel *channels,
    size_t count)
{
	const struct channel *c = channels[0].channel;
	struct stream *s;
	uint64_t mark;
	size_t streams = 0, i;
	uint32_t j;

	if (count == 1)
		return c->cursor_count;
	mark = streams_next_mark(hub);
	for (i = 0; i < count; i++) {
		c = channels[i].channel;
		for (j = 0; j < c->cursor_count; j++) {
			s = c->cursors[j]->stream;
			streams += s->mark != mark;
			s->mark = mark;
		}
	}
	return streams;
}

/* Room for the record in the histories of all its channels. */
static bool
turn_make_room(struct hub *hub, const struct batch_channel *channels,
    const struct batch_event *e)
{
	const struct channel *c;
	size_t i;

	/* Soon delivered: the first stream of each is fetched meanwhile. */
	for (i = 0; i < e->channel_count; i++) {
		c = channels[i].channel;
		if (c->cursor_count > 0)
			delivery_expect(c->cursors[0]);
	}
	for (i = 0; i < e->channel_count; i++)
		if (channel_prepare(hub, channels[i].channel, e->record_len) ==
		    -1)
			return false;
	return true;
}

/*
 * If a durable store has the event, no memory is no refusal: a stream that does
 * not find it in memory reads it there.  Otherwise an event is refused, and all
 * behind it in the batch, which must not come before it.  An event of crier's
 * own, which nobody would send again, is skipped as well and leaves a gap.
 */
void
turn_append(struct hub *hub, struct batch *b, struct batch_event *e)
{
	const struct batch_channel *channels = b->channels + e->channel_first;
	struct history_note note = { .id = e->id,
		.added_ms = e->added_ms,
		.expires_ms = e->expires_ms,
		.own_id_len = e->own_id_len };
	bool has_room = turn_make_room(hub, channels, e);
	size_t i;

	if ((!has_room || b->error[0] != '\0') && !hub->store->is_durable &&
	    !e->is_own) {
		e->outcome = BATCH_REFUSED;
		snprintf(b->error, sizeof b->error, "out of memory");
		hub->store->ops->refused(hub->store, b, e);
		return;
	}
	for (i = 0; i < e->channel_count; i++) {
		if (has_room)
			channel_append(hub, channels[i].channel, &note,
			    b->bytes.data + e->record_off, e->record_len);
		else
			channel_skip(hub, channels[i].channel, e->id);
	}
	hub->turn.appended = e->id;
	e->streams = turn_count_streams(hub, channels, e->channel_count);
}

/*
 * Takes the events before this one.  Returns how many of them, but for crier's
 * own, somebody follows.
 */
static uint64_t
turn_take_events(struct hub *hub, struct batch *b, size_t end)
{
	struct batch_event *e;
	uint64_t followed = 0;

	while (b->taken < end) {
		e = &b->events[b->taken++];
		/*
		 * A publisher sends a refused event again; crier's own have
		 * none, so they are kept in memory, unstored.
		 */
		if (e->outcome == BATCH_REFUSED && e->is_own &&
		    notice_unstored(hub, e->id, e->is_fleeting))
			e->outcome = BATCH_ACCEPTED;
		/* The event that had its key first may just have been. */
		if (e->outcome == BATCH_DUPLICATE && b->error[0] != '\0' &&
		    !hub->store->is_durable)
			e->outcome = BATCH_REFUSED;
		/* A shared store may have moved beyond it meanwhile. */
		if (e->outcome == BATCH_ACCEPTED &&
		    id_cmp(e->id, hub->turn.appended) > 0)
			turn_append(hub, b, e);
		hub->counters.published +=
		    e->outcome == BATCH_ACCEPTED && !e->is_own;
		if (e->outcome == BATCH_REFUSED)
			hub->counters.refused++;
		followed += !e->is_own && e->streams > 0;
	}
	return followed;
}

/* Step 4: the channels that grew are delivered. */

static void
turn_deliver_channel(struct hub *hub, struct channel *c)
{
	struct delivery_wire *wire = &hub->delivery.wire;
	enum delivery_result result;
	struct stream *s;
	/*
	 * A stream that joins within this pass is up to date; and streams leave
	 * the array only when the loop's turn ends.
	 */
	uint32_t count = c->cursor_count, i;

	if (hub->delivery.fan != NULL && fan_deliver(hub->delivery.fan, hub, c))
		return;
	delivery_forget_wire(wire);
	for (i = 0; i < count; i++) {
		if (i + 1 < count)
			delivery_expect(c->cursors[i + 1]);
		s = c->cursors[i]->stream;
		result = delivery_try(s, &hub->counters, wire);
		if (result != DELIVERY_DONE)
			stream_take_result(s, result);
	}
	delivery_forget_wire(wire);
}

void
turn_deliver(struct hub *hub)
{
	struct channel *c;

	while ((c = channels_take_dirty(hub)) != NULL) {
		turn_deliver_channel(hub, c);
		/* Step 5: retention, by the channel's rule. */
		channel_trim(hub, c);
		channel_release(hub, c);
	}
	/* Step 5, too: what all channels together may keep. */
	channels_shrink(hub);
	stalls_bound(hub);
}

/* Step 6: the publishers are told. */

struct hub_outcome
hub_get_outcome(const struct batch *b, size_t event)
{
	const struct batch_event *e = &b->events[event];
	struct hub_outcome o = { .id = batch_event_id(b, e),
		.is_own_id = e->own_id_len > 0,
		.is_duplicate = e->outcome == BATCH_DUPLICATE,
		.streams = e->streams };

	if (e->outcome == BATCH_REFUSED)
		o.refusal = b->error;
	if (o.is_duplicate && e->first_id != NULL) {
		o.id.text = e->first_id;
		o.id.len = strlen(e->first_id);
	}
	return o;
}

/* Where events come one by one, no turn need make a batch of its own. */
static void
turn_spare_batch(struct hub *hub, struct batch *b)
{
	struct hub_turn *t = &hub->turn;

	if (t->spare != NULL || batch_memory(b) > TURN_SPARE_BYTES) {
		relief_note(hub, batch_memory(b));
		batch_free(b);
		return;
	}
	batch_empty(b);
	t->spare = b;
}

/* The batch held its channels: those that nothing else holds go now. */
static void
turn_let_go(struct hub *hub, struct batch *b)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < b->channel_count; i++) {
		c = b->channels[i].channel;
		if (--c->pending == 0)
			channel_release(hub, c);
	}
	hub->turn.committing--;
	hub->turn.committing_bytes -= b->bytes.len;
	turn_spare_batch(hub, b);
	/* A hub that drains waits for its batches. */
	if (hub->drain.is_on)
		streams_reap_later(hub);
}

/* The store knows of a batch's first events: steps 3 to 5. */
static void
turn_take_part(struct batch *b, size_t events)
{
	struct hub *hub = b->hub;
	uint64_t followed;

	/* The memory store gives it back in the turn that it came in. */
	if (hub->store->is_durable)
		hub_now(hub);
	followed = turn_take_events(hub, b, events);
	turn_deliver(hub);
	if (followed > 0)
		latency_note(hub, b->began_us, followed);
	replays_move(hub);
}

/* A waiter may be asked for again meanwhile, in another batch. */
static void
turn_tell_waiters(struct batch *b)
{
	struct batch_waiter *waiter;

	while ((waiter = STAILQ_FIRST(&b->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->waiters, link);
		waiter->done(waiter, b);
	}
}

/* The store has done with a batch: steps 3 to 6. */
static void
turn_take_back(struct batch *b)
{
	struct hub *hub = b->hub;

	turn_take_part(b, b->event_count);
	turn_note_store(hub, b);
	b->committed_cb(b->arg, b);
	turn_tell_waiters(b);
	turn_let_go(hub, b);
}

int
turn_init(struct hub *hub)
{
	size_t threads = hub->config->threads;

	/*
	 * Ids continue behind the store's newest, and not before now.  A shared
	 * store says where this hub begins.
	 */
	if (!hub->store->is_shared)
		hub->store->last =
		    id_next(hub->store->last, hub->clock.wall_ms);
	hub->turn.appended = hub->store->last;
	if (threads > 1 && (hub->delivery.fan = fan_new(threads)) == NULL)
		return -1;
	return 0;
}

void
turn_clear(struct hub *hub)
{
	fan_free(hub->delivery.fan);
	delivery_clear_wire(&hub->delivery.wire);
	batch_free(hub->turn.batch);
	batch_free(hub->turn.spare);
}
