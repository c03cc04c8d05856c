/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>

#include "protocol/eventstream.h"

static bool
eventstream_is(const char *name, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(name, want, len) == 0;
}

static int
eventstream_set(struct buffer *b, const char *value, size_t len)
{
	buffer_truncate(b, 0);
	return buffer_append(b, value, len);
}

static int
eventstream_field(struct eventstream *es, const char *name, size_t name_len,
    const char *value, size_t len)
{
	if (eventstream_is(name, name_len, "data")) {
		if (buffer_append(&es->data, value, len) == -1)
			return -1;
		return buffer_append(&es->data, "\n", 1);
	}
	if (eventstream_is(name, name_len, "event"))
		return eventstream_set(&es->event, value, len);
	if (eventstream_is(name, name_len, "id") &&
	    memchr(value, '\0', len) == NULL) {
		es->has_id = true;
		return eventstream_set(&es->id, value, len);
	}
	return 0;
}

/* One line that is not empty. */
static int
eventstream_line(struct eventstream *es, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len;

	if (colon == line)
		return 0;
	if (colon == NULL)
		return eventstream_field(es, line, len, line + len, 0);
	name_len = (size_t)(colon - line);
	value = colon + 1;
	len -= name_len + 1;
	if (len > 0 && *value == ' ') {
		value++;
		len--;
	}
	return eventstream_field(es, line, name_len, value, len);
}

/* Forgets the last block: the event that was handed out pointed into it. */
static void
eventstream_begin_block(struct eventstream *es)
{
	buffer_truncate(&es->data, 0);
	buffer_truncate(&es->event, 0);
	es->has_id = false;
}

/* The end of a block: 1 if it makes an event. */
static int
eventstream_dispatch(struct eventstream *es, struct eventstream_event *e)
{
	if (es->has_id &&
	    (eventstream_set(&es->last_id, es->id.data, es->id.len) == -1 ||
		buffer_append(&es->last_id, "", 1) == -1))
		return -1;
	if (es->data.len == 0) {
		eventstream_begin_block(es);
		return 0;
	}
	e->id = es->has_id ? es->last_id.data : NULL;
	e->id_len = es->has_id ? es->last_id.len - 1 : 0;
	e->event = es->event.len > 0 ? es->event.data : NULL;
	e->event_len = es->event.len;
	e->data = es->data.data;
	e->data_len = es->data.len - 1;
	return 1;
}

/* Removes one byte order mark at the very beginning. */
static void
eventstream_skip_mark(struct eventstream *es, const char **line, size_t *len)
{
	if (!es->begun && *len >= 3 && memcmp(*line, "\xef\xbb\xbf", 3) == 0) {
		*line += 3;
		*len -= 3;
	}
	es->begun = true;
}

/*
 * Takes a line that has ended: its last bytes are at `bytes`, those before them
 * in es->line, if they came earlier.
 */
static int
eventstream_end_line(struct eventstream *es, const char *bytes, size_t len,
    struct eventstream_event *e)
{
	int rc;

	if (es->line.len > 0) {
		if (buffer_append(&es->line, bytes, len) == -1)
			return -1;
		bytes = es->line.data;
		len = es->line.len;
	}
	eventstream_skip_mark(es, &bytes, &len);
	rc = len == 0 ? eventstream_dispatch(es, e)
		      : eventstream_line(es, bytes, len);
	buffer_truncate(&es->line, 0);
	return rc;
}

/* Where the first line end is, or len. */
static size_t
eventstream_find_end(const char *bytes, size_t len)
{
	const char *lf = memchr(bytes, '\n', len), *cr;
	size_t n = lf == NULL ? len : (size_t)(lf - bytes);

	cr = memchr(bytes, '\r', n);
	return cr == NULL ? n : (size_t)(cr - bytes);
}

int
eventstream_read(struct eventstream *es, const char **bytes, size_t *len,
    size_t max, struct eventstream_event *e)
{
	const char *p = *bytes, *end = p + *len;
	size_t n;
	int rc = 0;

	*e = (struct eventstream_event){ 0 };
	if (es->has_event) {
		eventstream_begin_block(es);
		es->has_event = false;
	}
	while (p < end && rc == 0) {
		if (es->after_cr && *p == '\n')
			p++;
		es->after_cr = false;
		n = eventstream_find_end(p, (size_t)(end - p));
		if (n + es->line.len > max || es->data.len > max) {
			errno = EMSGSIZE;
			rc = -1;
		} else if (p + n == end) {
			rc = buffer_append(&es->line, p, n);
			p = end;
		} else {
			es->after_cr = p[n] == '\r';
			rc = eventstream_end_line(es, p, n, e);
			p += n + 1;
		}
	}
	*len = (size_t)(end - p);
	*bytes = p;
	if (rc == 1)
		es->has_event = true;
	return rc;
}

const char *
eventstream_last_id(const struct eventstream *es)
{
	return es->last_id.len > 1 ? es->last_id.data : NULL;
}

void
eventstream_restart(struct eventstream *es)
{
	eventstream_begin_block(es);
	buffer_truncate(&es->line, 0);
	es->has_event = es->after_cr = es->begun = false;
}

void
eventstream_clear(struct eventstream *es)
{
	buffer_clear(&es->line);
	buffer_clear(&es->data);
	buffer_clear(&es->event);
	buffer_clear(&es->id);
	buffer_clear(&es->last_id);
	memset(es, 0, sizeof *es);
}
