/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "hub/retained.h"
#include "hub/start.h"
#include "hub/state.h"
#include "protocol/eventstream.h"
#include "protocol/reply.h"

/* What an answer is read into; it is there from the reading on. */
struct retained_room {
	struct store_mark marks[STORE_MARKS];
	struct store_note notes[];
};

struct retained {
	TAILQ_ENTRY(retained) link; /* in hub->retained.waiting or .reading */
	struct hub *hub;            /* NULL: it is gone */
	enum retained_state {
		RETAINED_WAITS,
		RETAINED_IS_READ,
		RETAINED_IS_LEFT, /* it is read, and nobody waits for it */
		RETAINED_IS_DONE
	} state;
	void (*done_cb)(void *);
	void *arg;
	struct start start;
	struct text_span since;
	uint64_t limit;
	struct retained_room *room;
	size_t want_bytes; /* for the records */
	struct store_read read;
	struct id position; /* of the answer: to go on behind */
	bool has_gap;
	enum hub_answer refusal; /* HUB_OPENED: none */
	struct store_range ranges[];
};

static void
retained_free(struct retained *r)
{
	free(r->read.room);
	free(r->room);
	free(r);
}

/* A question with the names of its channels, and since, behind it; or NULL. */
static struct retained *
retained_new(struct hub *hub, const struct subscription *sub, uint64_t limit)
{
	size_t ranges = sub->channel_count * sizeof(struct store_range);
	size_t texts = sub->since.len + 1, i;
	const struct config_channel *rule;
	struct retained *r;
	char *text;

	for (i = 0; i < sub->channel_count; i++)
		texts += sub->channels[i].len + 1;
	if ((r = calloc(1, sizeof *r + ranges + texts)) == NULL)
		return NULL;
	text = (char *)&r->ranges[sub->channel_count];
	for (i = 0; i < sub->channel_count; i++) {
		r->ranges[i].name =
		    memcpy(text, sub->channels[i].text, sub->channels[i].len);
		text += sub->channels[i].len + 1;
		rule = config_match_channel(hub->config, sub->channels[i].text,
		    sub->channels[i].len);
		r->ranges[i].keep = rule->keep;
		r->ranges[i].keep_bytes = rule->keep_bytes;
		r->ranges[i].keep_ms = rule->keep_ms;
	}
	if (sub->since.len > 0)
		memcpy(text, sub->since.text, sub->since.len);
	r->since = (struct text_span){ text, sub->since.len };
	r->hub = hub;
	r->limit = limit;
	r->want_bytes = RETAINED_BYTES;
	r->read.ranges = r->ranges;
	r->read.range_count = sub->channel_count;
	r->read.own_id = text;
	r->read.own_id_len = sub->since.len;
	return r;
}

/* Makes room for an answer, and empties it; 0, or -1 (memory). */
static int
retained_prepare(struct retained *r)
{
	struct store_read *read = &r->read;

	if (r->room == NULL)
		r->room = calloc(1,
		    sizeof *r->room +
			(size_t)r->limit * sizeof(struct store_note));
	if (r->room == NULL)
		return -1;
	if (read->room_bytes < r->want_bytes) {
		free(read->room);
		read->room_bytes = 0;
		if ((read->room = malloc(r->want_bytes)) == NULL)
			return -1;
		read->room_bytes = r->want_bytes;
	}
	read->marks = r->room->marks;
	read->notes = r->room->notes;
	read->note_max = (size_t)r->limit;
	read->upto = r->hub->turn.appended;
	read->wall_ms = r->hub->clock.wall_ms;
	read->bytes = read->wants = read->mark_count = 0;
	read->events = 0;
	read->own_found = read->is_counting = read->is_ahead = false;
	read->is_complete = false;
	return 0;
}

static struct text_span
retained_name(const struct retained *r, size_t i)
{
	const char *name = r->ranges[i].name;

	return (struct text_span){ name, strlen(name) };
}

/* Whether what is not retained any more may have been missed. */
static bool
retained_find_gap(const struct retained *r)
{
	struct text_span name;
	size_t i;

	for (i = 0; r->since.len > 0 && i < r->read.range_count; i++) {
		name = retained_name(r, i);
		if (channel_has_gap(r->hub,
			channel_find_own(name.text, name.len),
			r->ranges[i].floor,
			r->start.is_known ? &r->start.after : NULL))
			return true;
	}
	return false;
}

static void
retained_finish(struct retained *r, enum hub_answer refusal)
{
	const struct store_read *read = &r->read;
	struct hub_counters *counters = &r->hub->counters;

	r->state = RETAINED_IS_DONE;
	r->refusal = refusal;
	if (refusal == HUB_OPENED)
		counters->histories++;
	else
		counters->histories_refused++;
	if (read->is_ahead)
		r->position = read->own_found ? read->own : r->start.after;
	else
		r->position = read->is_complete ? read->upto : read->last_id;
	r->has_gap = !read->is_ahead && retained_find_gap(r);
}

/* Adds the entry, as the store would; false: there is no room for it. */
static bool
retained_take(struct retained *r, size_t i, const struct history_entry *e)
{
	static const struct text_span none = { "", 0 };
	struct text_span record = { e->block->data + e->off, e->len };

	return store_read_take(&r->read, &r->ranges[i], e->id, none, record);
}

/* The event of this history to be told next, or NULL; moves *seq to it. */
static const struct history_entry *
retained_peek(const struct hub *hub, const struct channel *c, uint64_t *seq)
{
	const struct history_entry *e;

	for (; c != NULL && *seq < c->history.next_seq; ++*seq) {
		e = history_at(&c->history, *seq);
		if (e->expires_ms == 0 || e->expires_ms > hub->clock.now_ms)
			return e;
	}
	return NULL;
}

/* Merges what the histories have into the answer. */
static void
retained_merge(struct retained *r, struct channel *const *channels,
    uint64_t *seqs)
{
	const struct history_entry *e, *oldest;
	size_t i, from = 0;

	for (;;) {
		oldest = NULL;
		for (i = 0; i < r->read.range_count; i++) {
			e = retained_peek(r->hub, channels[i], &seqs[i]);
			if (e == NULL ||
			    (oldest != NULL && id_cmp(e->id, oldest->id) >= 0))
				continue;
			oldest = e;
			from = i;
		}
		r->read.is_complete = oldest == NULL;
		if (oldest == NULL || !retained_take(r, from, oldest))
			return;
		seqs[from]++;
	}
}

/* Reads all from memory; 0, or -1 (memory). */
static int
retained_remember(struct retained *r, const struct subscription *sub,
    struct channel *const *channels)
{
	uint64_t seqs[CURSORS_MAX] = { 0 };
	size_t i;

	do {
		if (r->read.wants > 0)
			r->want_bytes = r->read.wants;
		if (retained_prepare(r) == -1)
			return -1;
		for (i = 0; i < sub->channel_count; i++) {
			if (channels[i] != NULL)
				seqs[i] = start_seq(r->hub, sub, &r->start,
				    &channels[i]->history);
			r->ranges[i].floor = channel_floor(r->hub, channels[i],
			    sub->channels[i]);
		}
		retained_merge(r, channels, seqs);
	} while (r->read.wants > 0);
	retained_finish(r, HUB_OPENED);
	return 0;
}

/* HUB_OPENED, or why the store cannot be asked now. */
static enum hub_answer
retained_may_wait(const struct hub *hub)
{
	size_t waiting =
	    hub->retained.count + hub->slices.waiting + hub->replays.held_count;

	if (hub->store->is_down)
		return HUB_AWAY;
	return waiting >= hub->config->replay_waiting ? HUB_WAITING
						      : HUB_OPENED;
}

static void
retained_wait(struct retained *r)
{
	struct hub_retained *all = &r->hub->retained;

	r->state = RETAINED_WAITS;
	TAILQ_INSERT_TAIL(&all->waiting, r, link);
	all->count++;
	event_active(all->turn, 0, 0);
}

/* Begins to wait for the store, which is to begin where the client does. */
static void
retained_wait_first(struct retained *r, const struct subscription *sub)
{
	enum hub_answer refusal = retained_may_wait(r->hub);
	size_t i;

	for (i = 0; i < sub->channel_count; i++)
		r->ranges[i].after = r->start.after;
	r->read.has_last = r->start.is_last;
	r->read.last = sub->last;
	if (refusal == HUB_OPENED)
		retained_wait(r);
	else
		retained_finish(r, refusal);
}

struct retained *
retained_ask(struct hub *hub, const struct subscription *sub, uint64_t limit)
{
	struct retained *r = retained_new(hub, sub, limit);
	struct channel *channels[CURSORS_MAX];
	struct subscription what = *sub;
	size_t i;

	if (r == NULL)
		return NULL;
	/* Who names no position wants all, and not what is to come. */
	what.since_all = what.since_all || !what.has_last;
	for (i = 0; i < what.channel_count; i++)
		channels[i] = channel_find(hub, what.channels[i].text,
		    what.channels[i].len);
	start_find(hub, &what, channels, &r->start);
	if (hub->store->is_shared && hub->turn.appended.ms == 0) {
		retained_finish(r, HUB_AWAY);
	} else if (start_is_stored(hub, &what, &r->start, channels)) {
		retained_wait_first(r, &what);
	} else if (retained_remember(r, &what, channels) == -1) {
		retained_free(r);
		return NULL;
	}
	return r;
}

/*
 * Whether the store is to be asked once more: the next event alone is larger
 * than the room, last is not counted, or the id was never given, so that it
 * begins with all there is.
 */
static bool
retained_asks_again(struct retained *r)
{
	const struct store_read *read = &r->read;
	static const struct id zero;
	size_t i;

	if (read->wants > 0)
		r->want_bytes = read->wants;
	if (read->wants > 0 || read->is_counting)
		return true;
	if (read->own_found || read->is_ahead ||
	    id_cmp(r->start.after, read->upto) <= 0)
		return false;
	r->start.after = zero;
	r->start.is_known = false;
	for (i = 0; i < read->range_count; i++)
		r->ranges[i].after = zero;
	return true;
}

/* What the store has answered is taken. */
static void
retained_read(struct retained *r)
{
	const struct store_read *read = &r->read;

	if (read->error[0] != '\0') {
		retained_finish(r, HUB_AWAY);
		return;
	}
	if (read->own_found) {
		r->start.after = read->own;
		r->start.is_known = true;
	}
	retained_finish(r, HUB_OPENED);
}

/* The store has answered; on the loop's thread. */
static void
retained_read_done(struct store_read *read)
{
	struct retained *r = read->arg;
	struct hub *hub = r->hub;

	if (hub == NULL) {
		retained_free(r);
		return;
	}
	hub_now(hub);
	TAILQ_REMOVE(&hub->retained.reading, r, link);
	hub->retained.reads--;
	event_active(hub->retained.turn, 0, 0);
	if (r->state == RETAINED_IS_LEFT) {
		retained_free(r);
	} else if (read->error[0] == '\0' && retained_asks_again(r)) {
		retained_wait(r);
	} else {
		retained_read(r);
		r->done_cb(r->arg);
	}
}

/* Gives a question to the store. */
static void
retained_begin_read(struct retained *r)
{
	struct hub *hub = r->hub;

	if (retained_prepare(r) == -1) {
		retained_finish(r, HUB_NO_MEMORY);
		r->done_cb(r->arg);
		return;
	}
	r->state = RETAINED_IS_READ;
	r->read.done = retained_read_done;
	r->read.arg = r;
	TAILQ_INSERT_TAIL(&hub->retained.reading, r, link);
	hub->retained.reads++;
	hub->store->ops->read(hub->store, &r->read);
}

static void
retained_turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub *hub = arg;
	struct hub_retained *all = &hub->retained;
	struct retained *r;

	(void)fd;
	(void)what;
	hub_now(hub);
	while (all->reads < RETAINED_READS &&
	    (r = TAILQ_FIRST(&all->waiting)) != NULL) {
		TAILQ_REMOVE(&all->waiting, r, link);
		all->count--;
		/* It may be answered. NOLINTNEXTLINE(*-unix.Malloc) */
		retained_begin_read(r);
	}
}

bool
retained_is_done(const struct retained *r)
{
	return r->state == RETAINED_IS_DONE;
}

void
retained_set_done(struct retained *r, void (*done_cb)(void *), void *arg)
{
	r->done_cb = done_cb;
	r->arg = arg;
}

void
retained_leave(struct retained *r)
{
	struct hub *hub = r->hub;

	if (r->state == RETAINED_WAITS) {
		TAILQ_REMOVE(&hub->retained.waiting, r, link);
		hub->retained.count--;
	} else if (r->state == RETAINED_IS_READ) {
		r->state = RETAINED_IS_LEFT;
		if (!hub->store->ops->cancel(hub->store, &r->read))
			return;
		TAILQ_REMOVE(&hub->retained.reading, r, link);
		hub->retained.reads--;
		event_active(hub->retained.turn, 0, 0);
	}
	retained_free(r);
}

/* One event of the answer, whose record is from here on. */
static int
retained_put_event(struct eventstream *parser, const struct store_note *note,
    const char *record, size_t len, struct buffer *b)
{
	struct eventstream_event e;
	struct json_object *o;
	char id[ID_TEXT_SIZE];

	if (eventstream_read(parser, &record, &len, SIZE_MAX, &e) == -1)
		return -1;
	o = json_object_new_object();
	if (e.id != NULL)
		json_add_text(o, "id", e.id, e.id_len);
	else
		json_add_text(o, "id", id, id_format(note->id, id));
	if (e.event != NULL)
		json_add_text(o, "event", e.event, e.event_len);
	else
		json_add_string(o, "event", "message");
	json_add_string(o, "channel", note->range->name);
	json_add_text(o, "data", e.data == NULL ? "" : e.data, e.data_len);
	json_add_number(o, "at", note->id.ms);
	return json_append(b, o);
}

static int
retained_put_events(const struct retained *r, struct buffer *b)
{
	const struct store_note *note = r->read.notes;
	struct eventstream parser = { 0 };
	size_t begin = 0;
	uint64_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < r->read.events; i++, note++) {
		if (i > 0)
			rc = buffer_append(b, ",", 1);
		if (rc == 0)
			rc = retained_put_event(&parser, note,
			    r->read.room + begin, note->end - begin, b);
		begin = note->end;
	}
	eventstream_clear(&parser);
	return rc;
}

int
retained_put(const struct retained *r, struct buffer *b)
{
	size_t before = b->len;
	char position[ID_TEXT_SIZE];
	bool has_more = !r->read.is_complete && !r->read.is_ahead;

	if (r->refusal != HUB_OPENED)
		return reply_put_error(b, EX_TEMPFAIL,
		    hub_answer_text(r->refusal));
	id_format(r->position, position);
	if (buffer_append_text(b, "{\"ok\":true,\"events\":[") == 0 &&
	    retained_put_events(r, b) == 0 &&
	    buffer_printf(b, "],\"position\":\"%s\",\"gap\":%s", position,
		r->has_gap ? "true" : "false") == 0 &&
	    (!has_more ||
		buffer_printf(b, ",\"next\":\"%s\"", position) == 0) &&
	    buffer_append(b, "}\n", 2) == 0)
		return 0;
	buffer_truncate(b, before);
	return -1;
}

int
retained_init(struct hub *hub)
{
	struct hub_retained *all = &hub->retained;

	TAILQ_INIT(&all->waiting);
	TAILQ_INIT(&all->reading);
	all->turn = event_new(hub->base, -1, 0, retained_turn_cb, hub);
	return all->turn == NULL ? -1 : 0;
}

void
retained_clear(struct hub *hub)
{
	struct hub_retained *all = &hub->retained;
	struct retained *r;

	if (all->turn == NULL)
		return;
	TAILQ_FOREACH(r, &all->reading, link) {
		r->hub = NULL;
	}
	event_free(all->turn);
}
