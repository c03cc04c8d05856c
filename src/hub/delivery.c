/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fetch.h"
#include "hub/delivery.h"
#include "hub/order.h"
#include "hub/rest.h"
#include "hub/state.h"
#include "hub/tag.h"

/*
 * From cursors to a system call.
 *
 * A stream has no output buffer.  What it has yet to get follows from its
 * cursors: in each channel's history the runs of records from the cursor on,
 * and over several channels these runs merged by id.  A run in one block is a
 * unit.  On the wire a unit is cut into pieces, each behind a header of the
 * framing; but what crier itself says is framed already.
 *
 * One delivery is one system call, however many events are pending:
 *
 *  1. The units are collected on the stack, as iovecs that point into the
 *     histories: first the half-sent unit, which must be finished before
 *     anything else is said, then what the cursors have not passed.  Nothing
 *     of the stream changes.
 *  2. They are sent.  The socket takes all bytes, some, or none.
 *  3. By the number of bytes that it took the units are made true
 *     (delivery_commit).  Each unit of which at least one byte went out is the
 *     client's: it moves its cursor and counts as delivered.  The one that went
 *     out in part becomes the stream's half-sent unit, with a reference to its
 *     block, so that the history may drop it meanwhile.  For all later units
 *     nothing has happened, and there is nothing to undo.
 *
 * So a stalled stream pins one block, or a copy of a small rest (rest.h), and
 * costs nothing else; where it goes on is where its cursors are.  If they have
 * fallen off the history by then, that is a gap (delivery_find_gap), which is
 * for the caller: delivery says nothing of its own.
 *
 * The streams of a channel mostly get the same: one run behind the same header.
 * For them steps 1 and 2 are a single send(2) of bytes that were framed once
 * for all (struct delivery_wire), without a look at the history.
 *
 * delivery_try is called by several threads at a time, each for other streams,
 * while the hub stands still (fan.c).  It may change nothing but its stream,
 * the references of blocks, which are atomic, and the counters that it is
 * given.
 */

enum {
	DELIVERY_IOVS = 256,
	DELIVERY_UNITS = 128,
	/* One call's: a stream that is far behind must not hold up others. */
	DELIVERY_BYTES = 262144,
	/*
	 * A unit's, unless an event is larger: its rest may be copied.  Who has
	 * stalled is likely to stall again.
	 */
	DELIVERY_RUN = REST_COPY,
	DELIVERY_RUN_STALLED = 4096,
	DELIVERY_WIRE = 4096 /* bytes of a run that is worth copying */
};

struct delivery_unit {
	struct block *block;
	size_t off, len;
	size_t sent; /* before this call, as on the wire */
	bool framed;
	struct cursor *cursor; /* to move when begun; NULL: none */
	struct source *source; /* to be told when begun; NULL: none */
	uint64_t next_seq;
	uint32_t events;
	uint16_t tag; /* the stream is told when begun, the block ours; or 0 */
	struct id last;
};

struct delivery {
	struct stream *stream;
	struct hub_counters *counters;
	size_t iov_count, unit_count, bytes;
	bool is_cut;   /* more is pending than this call takes */
	uint16_t told; /* as the stream's, supposing that all this is out */
	struct iovec iov[DELIVERY_IOVS];
	char headers[DELIVERY_IOVS][FRAMING_HEADER_MAX];
	struct delivery_unit units[DELIVERY_UNITS];
};

static size_t
delivery_header_bytes(const struct stream *s, const struct delivery_unit *u)
{
	return u->framed ? 0 : s->framing->header_bytes;
}

/* What a unit takes on the wire, headers included. */
static size_t
delivery_wire_bytes(const struct stream *s, const struct delivery_unit *u)
{
	size_t pieces =
	    (u->len + FRAMING_CONTENT_MAX - 1) / FRAMING_CONTENT_MAX;

	return u->len + pieces * delivery_header_bytes(s, u);
}

static void
delivery_add_iov(struct delivery *d, char *base, size_t len)
{
	if (len == 0)
		return;
	d->iov[d->iov_count].iov_base = base;
	d->iov[d->iov_count].iov_len = len;
	d->iov_count++;
	d->bytes += len;
}

/* One piece of content with its header, but for the first skip bytes. */
static void
delivery_add_piece(struct delivery *d, size_t header, char *content, size_t len,
    size_t skip)
{
	struct stream *s = d->stream;
	char *to = d->headers[d->iov_count];

	if (skip < header) {
		s->framing->put_header(to, s->request_id, len);
		delivery_add_iov(d, to + skip, header - skip);
		skip = header;
	}
	delivery_add_iov(d, content + (skip - header), len - (skip - header));
}

/*
 * Adds the pieces of a unit, without the bytes that were sent before, as far as
 * there is room.  The unit is listed whole all the same: delivery_commit sees
 * by the bytes sent that its end is missing.
 */
static void
delivery_add_unit(struct delivery *d, const struct delivery_unit *u)
{
	size_t header = delivery_header_bytes(d->stream, u);
	size_t at, len, skip = u->sent;

	d->units[d->unit_count++] = *u;
	for (at = 0; at < u->len; at += len) {
		len = u->len - at;
		if (len > FRAMING_CONTENT_MAX)
			len = FRAMING_CONTENT_MAX;
		if (skip >= header + len) {
			skip -= header + len;
			continue;
		}
		if (d->iov_count + 2 > DELIVERY_IOVS) {
			d->is_cut = true;
			return;
		}
		delivery_add_piece(d, header, u->block->data + u->off + at, len,
		    skip);
		skip = 0;
	}
}

static struct delivery_unit
delivery_unit_of(const struct history_slice *slice, struct cursor *cursor)
{
	return (struct delivery_unit){ .block = slice->block,
		.off = slice->off,
		.len = slice->len,
		.cursor = cursor,
		.next_seq = slice->next_seq,
		.events = slice->events,
		.last = slice->last };
}

static void
delivery_add_half_sent(struct delivery *d)
{
	struct stream *s = d->stream;
	struct delivery_unit u = { .block = s->unit,
		.off = s->unit_off,
		.len = s->unit_len,
		.sent = s->unit_sent,
		.framed = s->unit_framed };

	delivery_add_unit(d, &u);
}

static bool
delivery_is_full(const struct delivery *d)
{
	return d->unit_count == DELIVERY_UNITS ||
	    d->iov_count + 2 > DELIVERY_IOVS || d->bytes >= DELIVERY_BYTES;
}

/*
 * In front of a channel's run its name is a unit of its own, unless the client
 * was told of this channel last.  Without memory for it the call takes no more.
 */
static void
delivery_add_tag(struct delivery *d, size_t index)
{
	struct delivery_unit u = { .tag = (uint16_t)(index + 1) };

	if (d->told == u.tag)
		return;
	u.block = tag_new(d->stream->cursors[index].channel);
	if (u.block == NULL) {
		d->is_cut = true;
		return;
	}
	u.len = u.block->used;
	d->told = u.tag;
	delivery_add_unit(d, &u);
}

/* Gets ready for a run of this cursor's channel; false: no room. */
static bool
delivery_admit_run(struct delivery *d, size_t index)
{
	if (d->stream->is_tagged && !delivery_is_full(d))
		delivery_add_tag(d, index);
	if (delivery_is_full(d))
		d->is_cut = true;
	return !d->is_cut;
}

static void
delivery_drop_tags(struct delivery *d)
{
	size_t i;

	for (i = 0; i < d->unit_count; i++)
		if (d->units[i].tag > 0)
			block_unref(d->units[i].block);
}

static void
delivery_add_events(struct delivery *d, uint64_t *seqs)
{
	struct stream *s = d->stream;
	uint64_t now_ms = s->hub->clock.now_ms;
	struct id sent = s->sent;
	struct history_slice slice;
	struct delivery_unit u;
	size_t i;

	while (!d->is_cut && order_next(s, seqs, sent, now_ms, &i, &slice)) {
		if (!delivery_admit_run(d, i))
			return;
		history_slice_cut(&s->cursors[i].channel->history, seqs[i],
		    s->is_writing ? DELIVERY_RUN_STALLED : DELIVERY_RUN,
		    &slice);
		u = delivery_unit_of(&slice, &s->cursors[i]);
		delivery_add_unit(d, &u);
		seqs[i] = slice.next_seq;
		sent = slice.last;
	}
}

/* Adds the runs that the stream's source has. */
static void
delivery_add_runs(struct delivery *d)
{
	struct source *source = d->stream->source;
	struct history_slice slice;
	struct delivery_unit u;
	size_t n, i;

	for (n = 0; !d->is_cut && source->run(source, n, &slice, &i); n++) {
		if (!delivery_admit_run(d, i))
			return;
		u = delivery_unit_of(&slice, NULL);
		u.source = source;
		delivery_add_unit(d, &u);
	}
}

/* The first byte of a unit is out: its events are the client's now. */
static void
delivery_begin(struct stream *s, struct hub_counters *counters,
    const struct delivery_unit *u)
{
	if (u->cursor != NULL)
		u->cursor->seq = u->next_seq;
	else if (u->source != NULL)
		u->source->begin_run(u->source);
	else if (u->tag > 0)
		s->told = u->tag;
	if (u->cursor == NULL && u->source == NULL)
		return;
	s->sent = u->last;
	s->events += u->events;
	counters->delivered += u->events;
}

static void
delivery_set_unit(struct stream *s, const struct delivery_unit *u, size_t sent)
{
	struct block *old = s->unit;

	s->unit = block_ref(u->block);
	s->unit_off = (uint32_t)u->off;
	s->unit_len = (uint32_t)u->len;
	s->unit_sent = (uint32_t)sent;
	s->unit_framed = u->framed;
	block_unref(old);
}

/* Step 3: n bytes of the collected units are out. */
static void
delivery_commit(struct delivery *d, size_t n)
{
	struct stream *s = d->stream;
	struct delivery_unit *u;
	size_t i, wire;

	for (i = 0; i < d->unit_count && n > 0; i++) {
		u = &d->units[i];
		wire = delivery_wire_bytes(s, u) - u->sent;
		delivery_begin(s, d->counters, u);
		if (n < wire) {
			delivery_set_unit(s, u, u->sent + n);
			return;
		}
		n -= wire;
		/* The first unit was the half-sent one, if there was one. */
		if (i == 0) {
			block_unref(s->unit);
			s->unit = NULL;
		}
	}
}

/*
 * Moves the cursors behind events that need no sending (expired, or sent by
 * another channel), for if these fell off they would be taken for a gap.
 */
static void
delivery_pass(struct stream *s, const uint64_t *seqs)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		s->cursors[i].seq = seqs[i];
}

/* send(2) spares a socket the file system's part of writev(2) and write(2). */
static ssize_t
delivery_call(const struct stream *s, struct iovec *iov, size_t count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = count };
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (s->is_pipe)
		return writev(s->fd, iov, (int)count);
	if (count == 1)
		return send(s->fd, iov->iov_base, iov->iov_len, flags);
	return sendmsg(s->fd, &m, flags);
}

/* How many bytes were taken, or -1 with *result. */
static ssize_t
delivery_put(struct stream *s, struct hub_counters *counters, struct iovec *iov,
    size_t count, enum delivery_result *result)
{
	ssize_t n = delivery_call(s, iov, count);

	counters->writes++;
	if (n == -1) {
		*result = errno == EAGAIN || errno == EINTR ? DELIVERY_BLOCKED
							    : DELIVERY_FAILED;
		return -1;
	}
	if (n > 0)
		s->written_ms = s->hub->clock.now_ms;
	s->bytes += (size_t)n;
	counters->bytes += (size_t)n;
	return n;
}

static enum delivery_result
delivery_send(struct delivery *d)
{
	enum delivery_result result;
	ssize_t n =
	    delivery_put(d->stream, d->counters, d->iov, d->iov_count, &result);

	if (n == -1)
		return result;
	delivery_commit(d, (size_t)n);
	if ((size_t)n < d->bytes)
		return DELIVERY_BLOCKED;
	return d->is_cut ? DELIVERY_MORE : DELIVERY_DONE;
}

bool
delivery_find_gap(struct stream *s)
{
	const struct history *h;
	struct cursor *cursor;
	bool found = false;
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		cursor = &s->cursors[i];
		h = &cursor->channel->history;
		if (cursor->seq >= h->first_seq)
			continue;
		if (id_cmp(h->floor, s->sent) > 0)
			found = true;
		else
			cursor->seq = h->first_seq;
	}
	return found;
}

enum delivery_result
delivery_write(struct stream *s, struct hub_counters *counters)
{
	struct delivery d; /* only what is counted is initialised */
	uint64_t seqs[CURSORS_MAX];
	enum delivery_result result = DELIVERY_DONE;
	bool is_open = s->state <= STREAM_LAST_EVENTS;
	bool follows = is_open && s->source == NULL;
	bool adds_events = follows && !delivery_find_gap(s);
	size_t i;

	d.stream = s;
	d.counters = counters;
	d.iov_count = d.unit_count = d.bytes = 0;
	d.is_cut = false;
	d.told = s->told;
	/* Step 1: the half-sent unit, then a source's runs or the events. */
	if (s->unit != NULL)
		delivery_add_half_sent(&d);
	if (is_open && s->source != NULL && s->source->run != NULL)
		delivery_add_runs(&d);
	if (adds_events) {
		for (i = 0; i < s->cursor_count; i++)
			seqs[i] = s->cursors[i].seq;
		delivery_add_events(&d, seqs);
	}
	/* Steps 2 and 3. */
	if (d.iov_count > 0)
		result = delivery_send(&d);
	else if (d.is_cut) /* by nothing but a tag for which is no memory */
		result = DELIVERY_FAILED;
	if (s->is_tagged)
		delivery_drop_tags(&d);
	if (result != DELIVERY_DONE || !follows)
		return result;
	/* There is a gap, which can be told now that no unit is half sent. */
	if (!adds_events)
		return DELIVERY_MORE;
	delivery_pass(s, seqs);
	return DELIVERY_DONE;
}

void
delivery_forget_wire(struct delivery_wire *w)
{
	w->channel = NULL;
}

void
delivery_clear_wire(struct delivery_wire *w)
{
	buffer_clear(&w->framed);
}

/* Sets data to the run behind its header, or to NULL (memory). */
static void
delivery_frame_wire(struct delivery_wire *w)
{
	size_t header = w->framing->header_bytes;
	char *run = w->slice.block->data + w->slice.off;

	w->len = header + w->slice.len;
	if (header == 0) {
		w->data = run;
		return;
	}
	buffer_truncate(&w->framed, 0);
	if ((w->data = buffer_reserve(&w->framed, w->len)) == NULL)
		return;
	w->framing->put_header(w->data, w->request_id, w->slice.len);
	memcpy(w->data + header, run, w->slice.len);
}

/*
 * Whether the wire is all that the stream has yet to get of its one channel;
 * makes it if it is another stream's.
 */
static bool
delivery_make_wire(struct delivery_wire *w, const struct stream *s)
{
	const struct cursor *at = s->cursors;
	const struct history *h = &at->channel->history;
	uint64_t seq = at->seq;

	if (w->channel == at->channel && w->seq == seq &&
	    w->framing == s->framing && w->request_id == s->request_id)
		return w->data != NULL;
	w->channel = at->channel;
	w->seq = seq;
	w->framing = s->framing;
	w->request_id = s->request_id;
	w->data = NULL;
	if (history_slice(h, &seq, s->hub->clock.now_ms, NULL, &w->slice) &&
	    w->slice.next_seq == h->next_seq && w->slice.len <= DELIVERY_WIRE)
		delivery_frame_wire(w);
	return w->data != NULL;
}

static enum delivery_result
delivery_send_wire(struct stream *s, struct hub_counters *counters,
    const struct delivery_wire *w)
{
	struct iovec iov = { w->data, w->len };
	struct delivery_unit u = delivery_unit_of(&w->slice, s->cursors);
	enum delivery_result result;
	ssize_t n = delivery_put(s, counters, &iov, 1, &result);

	if (n == -1)
		return result;
	if (n > 0)
		delivery_begin(s, counters, &u);
	if ((size_t)n == w->len)
		return DELIVERY_DONE;
	if (n > 0)
		delivery_set_unit(s, &u, (size_t)n);
	return DELIVERY_BLOCKED;
}

/* Supposes that the cursor is the first of its stream, which it mostly is. */
void
delivery_expect(const struct cursor *c)
{
	size_t before =
	    offsetof(struct stream, cursors) - offsetof(struct stream, fd);

	fetch_ahead((const char *)c - before, before + sizeof *c);
}

enum delivery_result
delivery_try(struct stream *s, struct hub_counters *counters,
    struct delivery_wire *w)
{
	/* A full socket tells us when it takes more. */
	if (s->is_writing)
		return DELIVERY_DONE;
	if (s->state != STREAM_OPEN || s->unit != NULL || s->source != NULL ||
	    s->is_poll || delivery_find_gap(s))
		return DELIVERY_LEFT;
	/* A wire for one stream alone would be made for nothing. */
	if (s->cursor_count == 1 && s->cursors->channel->cursor_count > 1 &&
	    (!s->is_tagged || s->told > 0) && delivery_make_wire(w, s))
		return delivery_send_wire(s, counters, w);
	return delivery_write(s, counters);
}
