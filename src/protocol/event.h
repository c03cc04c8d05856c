/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_EVENT_H
#define CRIER_PROTOCOL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
	EVENT_NAME_MAX = 255, /* bytes of an event name or a publisher's id */
	CHANNEL_NAME_MAX = 255,
	EVENT_ORIGIN_MAX = 4096,
	CURSORS_MAX = 256 /* channels that one stream can follow */
};

#define EVENT_RETRY_NONE UINT64_MAX

/* One event as a publisher gives it; the pointers are borrowed. */
struct event_fields {
	const char *data;
	size_t data_len;
	const char *name; /* none: name_len 0 */
	size_t name_len;
	const char *id; /* the publisher's own; none: id_len 0 */
	size_t id_len;
	const char *key; /* so that it can be published again; none: len 0 */
	size_t key_len;
	uint64_t retry_ms;   /* or EVENT_RETRY_NONE */
	uint64_t expires_ms; /* after it was published; 0: never */
	const char *origin; /* whose key it is: a route's; len 0: the queue's */
	size_t origin_len;
};

/*
 * NULL if the event can be encoded, else what is wrong with it, as a phrase
 * ("data is not valid UTF-8").
 */
const char *event_check(const struct event_fields *, size_t max_event_bytes);

/*
 * NULL if a publisher's id comes back from every client as it was sent, else
 * what is wrong: a field of HTTP loses blanks at its ends, and may hold no
 * control characters.
 */
const char *event_check_id(const char *id, size_t len);

/*
 * Reads seconds for expires_ms, written as JSON writes a number: 5, 0.25, 1e3.
 * What is left of a millisecond counts as a whole one.  False if the text is
 * none, or not within LIMIT_EXPIRES_MS.
 */
bool event_parse_expires(const char *text, size_t len, uint64_t *ms);

/*
 * Appends the event's record: `id:` first (none if id_len is 0), then `event:`,
 * `retry:`, one `data:` for each line, an empty line (WHATWG HTML 9.2.5). Takes
 * what event_check accepts.  0, or -1 (memory) with the buffer unchanged.
 */
int event_encode(struct buffer *, const struct event_fields *, const char *id,
    size_t id_len);

/* The publisher's or the hub's id in a record that event_encode made. */
enum {
	EVENT_ID_OFFSET = 4
};

/*
 * NULL for the name of a channel that anybody may use, else what is wrong:
 * 1 to 255 bytes of UTF-8 without control characters, spaces, `*`, `{`, `}`.
 */
const char *event_check_channel(const char *name, size_t len);

/* Names that begin with `$` are crier's own. */
bool event_channel_is_reserved(const char *name, size_t len);

#endif
