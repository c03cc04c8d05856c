/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fetch.h"
#include "hub/delivery.h"
#include "hub/state.h"

/*
 * From cursors to a system call.  The units of one call are collected on the
 * stack and sent; only then, by how much the socket took, are they made true:
 * a unit that was begun moves its cursor, and one that did not go out to its
 * end becomes the stream's half-sent unit.
 */

enum {
	DELIVERY_IOVS = 256,
	DELIVERY_UNITS = 128,
	/* A call's worth, so that one far behind holds up nobody. */
	DELIVERY_BYTES = 262144,
	DELIVERY_WIRE = 4096 /* a run that is worth copying, in bytes */
};

struct delivery_unit {
	struct block *block;
	size_t off, len;
	size_t sent; /* before this call, as on the wire */
	bool framed;
	struct cursor *cursor; /* to move when begun; NULL: none */
	uint64_t next_seq;
	uint32_t events;
	struct id last;
};

struct delivery {
	struct stream *stream;
	struct hub_counters *counters;
	size_t iov_count, unit_count, bytes;
	bool is_cut; /* more is pending than this call takes */
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

/* Adds what of a unit is yet to be sent, as far as there is room. */
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

/*
 * The channel whose next event is the oldest, and in *limit the id at which
 * another channel's comes first.  An event that went to several channels has
 * one id in all of them: it was sent if its id is not greater than sent.
 */
static bool
delivery_oldest(const struct stream *s, uint64_t *seqs, struct id sent,
    size_t *oldest, struct id *limit)
{
	struct id least = { UINT64_MAX, UINT64_MAX }, id;
	const struct history *h;
	bool found = false;
	size_t i;

	*limit = least;
	for (i = 0; i < s->cursor_count; i++) {
		h = &s->cursors[i].channel->history;
		while (seqs[i] < h->next_seq &&
		    id_cmp(history_at(h, seqs[i])->id, sent) <= 0)
			seqs[i]++;
		if (seqs[i] == h->next_seq)
			continue;
		id = history_at(h, seqs[i])->id;
		if (id_cmp(id, least) < 0) {
			*limit = least;
			least = id;
			*oldest = i;
			found = true;
		} else if (id_cmp(id, *limit) < 0) {
			*limit = id;
		}
	}
	/* Of the same event in two channels, one alone. */
	if (found && id_cmp(*limit, least) == 0)
		limit->n++;
	return found;
}

/* The next run to send, as if all before seqs and sent were out. */
static bool
delivery_pick(const struct stream *s, uint64_t *seqs, struct id sent,
    uint64_t now_ms, size_t *index, struct history_slice *slice)
{
	struct id limit;

	*index = 0;
	if (s->cursor_count == 1)
		return history_slice(&s->cursors[0].channel->history, seqs,
		    now_ms, NULL, slice);
	while (delivery_oldest(s, seqs, sent, index, &limit))
		if (history_slice(&s->cursors[*index].channel->history,
			&seqs[*index], now_ms, &limit, slice))
			return true;
	return false;
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

static void
delivery_add_events(struct delivery *d, uint64_t *seqs)
{
	struct stream *s = d->stream;
	uint64_t now_ms = s->hub->clock.now_ms;
	struct id sent = s->sent;
	struct history_slice slice;
	struct delivery_unit u;
	size_t i;

	while (!d->is_cut && delivery_pick(s, seqs, sent, now_ms, &i, &slice)) {
		if (d->unit_count == DELIVERY_UNITS ||
		    d->iov_count + 2 > DELIVERY_IOVS ||
		    d->bytes >= DELIVERY_BYTES) {
			d->is_cut = true;
			return;
		}
		u = delivery_unit_of(&slice, &s->cursors[i]);
		delivery_add_unit(d, &u);
		seqs[i] = slice.next_seq;
		sent = slice.last;
	}
}

/* A unit of which the first byte is out: its events are the client's now. */
static void
delivery_begin(struct stream *s, struct hub_counters *counters,
    const struct delivery_unit *u)
{
	if (u->cursor == NULL)
		return;
	u->cursor->seq = u->next_seq;
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

/* Makes true what n bytes of the collected units are. */
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
		if (i == 0) {
			block_unref(s->unit);
			s->unit = NULL;
		}
	}
}

/*
 * The cursors pass what needs no sending (expired, or sent by another
 * channel), so that it cannot fall off and be taken for a gap.
 */
static void
delivery_pass(struct stream *s, const uint64_t *seqs)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		s->cursors[i].seq = seqs[i];
}

/* To a socket, without the file system's part of writev(2) and write(2). */
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
	bool adds_events =
	    is_open && s->source == NULL && !delivery_find_gap(s);
	size_t i;

	d.stream = s;
	d.counters = counters;
	d.iov_count = d.unit_count = d.bytes = 0;
	d.is_cut = false;
	if (s->unit != NULL)
		delivery_add_half_sent(&d);
	if (adds_events) {
		for (i = 0; i < s->cursor_count; i++)
			seqs[i] = s->cursors[i].seq;
		delivery_add_events(&d, seqs);
	}
	if (d.iov_count > 0)
		result = delivery_send(&d);
	if (adds_events && result == DELIVERY_DONE)
		delivery_pass(s, seqs);
	if (!adds_events && is_open && s->source == NULL &&
	    result == DELIVERY_DONE)
		result = DELIVERY_MORE; /* the gap, now that it can be told */
	return result;
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

/* The run with its header before it; none for want of memory. */
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

/* Whether all that the stream has not got of its one channel is in the wire. */
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

/* As if it were the stream's first cursor, which mostly it is. */
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
	if (s->is_writing)
		return DELIVERY_DONE;
	if (s->state != STREAM_OPEN || s->unit != NULL || s->source != NULL ||
	    s->is_poll || delivery_find_gap(s))
		return DELIVERY_LEFT;
	/* For one stream alone it would be made for nothing. */
	if (s->cursor_count == 1 && s->cursors->channel->cursor_count > 1 &&
	    delivery_make_wire(w, s))
		return delivery_send_wire(s, counters, w);
	return delivery_write(s, counters);
}
