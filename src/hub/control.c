/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "base/loop.h"
#include "hub/control.h"
#include "hub/poll.h"
#include "hub/state.h"

/*
 * A block of `id:` or `retry:` alone.  A terse stream has no blocks without
 * data: there the field is the beginning of the next block, and is set when its
 * line is read (`retry:`) or with that block (`id:`; WHATWG HTML 9.2.6).
 */
static int
control_put_id(const struct stream *s, struct buffer *b, struct text_span id)
{
	if (buffer_append(b, "id: ", 4) == -1 ||
	    buffer_append(b, id.text, id.len) == -1)
		return -1;
	return buffer_append(b, "\n\n", s->is_terse ? 1 : 2);
}

static int
control_put_retry(const struct stream *s, struct buffer *b, uint64_t ms)
{
	return buffer_printf(b, "retry: %llu\n%s", (unsigned long long)ms,
	    s->is_terse ? "" : "\n");
}

int
control_put_begin(const struct stream *s, struct buffer *b,
    struct text_span head)
{
	if (buffer_append(b, head.text, head.len) == -1)
		return -1;
	return control_put_retry(s, b, stream_retry_ms(s));
}

/*
 * The record of one channel's gap: missed is the number of events, if it is
 * known (not 0); else since is the position after which it lies.
 */
static int
control_put_gap(struct stream *s, struct buffer *b, const struct channel *c,
    uint64_t missed, struct text_span since)
{
	const struct history *h = &c->history;
	struct json_object *o = json_object_new_object();
	char text[ID_TEXT_SIZE];
	size_t before = b->len;

	json_add_text(o, "channel", c->name, c->entry.name_len);
	if (missed > 0)
		json_add_number(o, "missed", missed);
	else if (event_check_id(since.text, since.len) == NULL)
		json_add_text(o, "since", since.text, since.len);
	if (history_count(h) > 0)
		json_add_text(o, "oldest", text,
		    id_format(history_at(h, h->first_seq)->id, text));
	if (buffer_append_text(b, "event: crier.gap\ndata: ") == -1) {
		json_object_put(o);
		return -1;
	}
	if (json_append(b, o) == -1 || buffer_append(b, "\n\n", 2) == -1) {
		buffer_truncate(b, before);
		return -1;
	}
	s->hub->counters.gaps++;
	s->has_gap = true;
	return 0;
}

int
control_put_gaps(struct stream *s, struct buffer *b,
    const struct control_position *p)
{
	const struct channel *c;
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		c = s->cursors[i].channel;
		if (channel_has_gap(s->hub, (enum channel_own)c->own,
			p->ranges == NULL ? c->history.floor
					  : p->ranges[i].floor,
			p->is_known ? &p->after : NULL) &&
		    control_put_gap(s, b, c, 0, p->since) == -1)
			return -1;
	}
	return 0;
}

int
control_put_position(struct stream *s, struct buffer *b,
    const struct control_position *p)
{
	char text[ID_TEXT_SIZE];
	struct text_span before = { text, id_format(p->before, text) };
	struct text_span id = before;
	size_t gaps_at;

	if (p->since.len > 0 &&
	    event_check_id(p->since.text, p->since.len) == NULL)
		id = p->since;
	if (control_put_id(s, b, id) == -1)
		return -1;
	/* A stream without a position begins now and has missed nothing. */
	if (p->since.len == 0 && !p->is_known)
		return 0;
	gaps_at = b->len;
	if (control_put_gaps(s, b, p) == -1)
		return -1;
	return b->len > gaps_at ? control_put_id(s, b, before) : 0;
}

int
control_put_missed(struct stream *s, struct buffer *b)
{
	static const struct text_span nothing;
	struct cursor *cursor;
	uint64_t first;
	size_t i;

	for (i = 0; i < s->cursor_count; i++) {
		cursor = &s->cursors[i];
		first = cursor->channel->history.first_seq;
		if (cursor->seq >= first)
			continue;
		if (control_put_gap(s, b, cursor->channel, first - cursor->seq,
			nothing) == -1)
			return -1;
		cursor->seq = first;
	}
	return 0;
}

/* The data of the record that a stream ends with. */
static int
control_put_result(const struct stream *s, struct buffer *b)
{
	if (s->source != NULL && s->source->put_end != NULL)
		return s->source->put_end(s->source, s, b);
	return buffer_printf(b, "{\"reason\":\"%s\"}", stream_reason(s));
}

/*
 * The end of a stream that has nothing to do with what it was about: the client
 * comes back.  A page may take the site's own end for the last one, so it is
 * not said here.
 */
static int
control_put_passing_end(const struct stream *s, struct buffer *b)
{
	static const char usual[] = "event: crier.end" STREAM_END_RESULT;

	if (s->end != NULL && strstr(s->end, usual) == NULL)
		return 0;
	if (buffer_append(b, usual, sizeof usual - 1) == -1 ||
	    control_put_result(s, b) == -1)
		return -1;
	return buffer_append(b, "\n\n", 2);
}

/*
 * A poll ends without a word, but with the newest position that there is, for
 * nothing is pending.  A client that went on from its last event instead would
 * come from ever further back on a quiet channel, and from an id that a
 * publisher chose, which other events may have as well.
 */
static int
control_put_poll_end(const struct stream *s, struct buffer *b)
{
	uint64_t retry_ms = stream_retry_ms(s);
	char text[ID_TEXT_SIZE];
	struct text_span id = { text, id_format(s->hub->turn.appended, text) };

	if (control_put_id(s, b, id) == -1)
		return -1;
	/* Clients that came together shall not come back together. */
	retry_ms = retry_ms / 2 + loop_random(retry_ms + 1);
	return control_put_retry(s, b, retry_ms);
}

/* The reason, in a record of its own, unless the subscription has another. */
static int
control_put_reason(const struct stream *s, struct buffer *b)
{
	const char *end =
	    s->end == NULL ? "event: crier.end" STREAM_END_RESULT : s->end;
	size_t len = strlen(end), tail = strlen(STREAM_END_RESULT);

	if (poll_is_over(s))
		return control_put_poll_end(s, b);
	if (s->retry_ms > 0 && control_put_retry(s, b, s->retry_ms) == -1)
		return -1;
	if (s->reason == STREAM_SHUTDOWN || s->reason == STREAM_ERROR)
		return control_put_passing_end(s, b);
	if (buffer_append(b, end, len) == -1)
		return -1;
	if (len < tail || strcmp(end + len - tail, STREAM_END_RESULT) != 0)
		return 0;
	return control_put_result(s, b) == -1 ? -1
					      : buffer_append(b, "\n\n", 2);
}

int
control_put_end(const struct stream *s, struct buffer *b)
{
	const struct framing *f = s->framing;
	struct buffer text = { 0 };
	char header[FRAMING_HEADER_MAX];
	int rc = -1;

	if (control_put_reason(s, &text) == -1)
		goto out;
	/* Without text no header: an empty record would be an end itself. */
	if (text.len > 0 && f->header_bytes > 0)
		f->put_header(header, s->request_id, text.len);
	if ((text.len > 0 && buffer_append(b, header, f->header_bytes) == -1) ||
	    buffer_append(b, text.data, text.len) == -1 ||
	    f->put_end(b, s->request_id) == -1)
		goto out;
	rc = 0;
out:
	buffer_clear(&text);
	return rc;
}
