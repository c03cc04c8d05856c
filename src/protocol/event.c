/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "protocol/event.h"
#include "protocol/limits.h"

enum {
	EVENT_PIECE = 256,     /* bytes, searched for a line's end at once */
	EVENT_NUMBER_SIZE = 64 /* of a number's text, with a NUL */
};

/* A line end or NUL in a field would begin another field, or void this one. */
static bool
event_is_one_line(const char *text, size_t len)
{
	return memchr(text, '\n', len) == NULL &&
	    memchr(text, '\r', len) == NULL && memchr(text, '\0', len) == NULL;
}

const char *
event_check_id(const char *id, size_t len)
{
	const unsigned char *p = (const unsigned char *)id;
	size_t i;

	if (len == 0)
		return "id is empty";
	if (len > EVENT_NAME_MAX)
		return "id is longer than 255 bytes";
	if (!event_is_one_line(id, len))
		return "id has a line end or NUL in it";
	for (i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] == 0x7f)
			return "id has a control character in it";
	if (id[0] == ' ' || id[len - 1] == ' ')
		return "id begins or ends with a space";
	return text_is_utf8(id, len) ? NULL : "id is not valid UTF-8";
}

const char *
event_check(const struct event_fields *e, size_t max_event_bytes)
{
	if (e->data_len > max_event_bytes)
		return "data is longer than max-event";
	if (!text_is_utf8(e->data, e->data_len))
		return "data is not valid UTF-8";
	/* No text has one, and for many a program it would be the end. */
	if (e->data_len > 0 && memchr(e->data, '\0', e->data_len) != NULL)
		return "data has a NUL in it";
	if (e->name_len >= 6 && memcmp(e->name, "crier.", 6) == 0)
		return "events that begin with crier. are crier's own";
	if (e->name_len > EVENT_NAME_MAX)
		return "event is longer than 255 bytes";
	if (e->name_len > 0 && !event_is_one_line(e->name, e->name_len))
		return "event has a line end or NUL in it";
	if (e->name_len > 0 && !text_is_utf8(e->name, e->name_len))
		return "event is not valid UTF-8";
	if (e->id_len > 0 && event_check_id(e->id, e->id_len) != NULL)
		return event_check_id(e->id, e->id_len);
	if (e->key_len > 0 && event_check_id(e->key, e->key_len) != NULL)
		return "key is not of the form of an id";
	if (e->origin_len > EVENT_ORIGIN_MAX ||
	    (e->origin_len > 0 &&
		memchr(e->origin, '\n', e->origin_len) != NULL))
		return "origin is too long, or has a line's end";
	if (e->retry_ms != EVENT_RETRY_NONE &&
	    !limit_allows(&limit_of[LIMIT_RETRY_MS], e->retry_ms))
		return "retry is more than a day";
	return NULL;
}

bool
event_parse_expires(const char *text, size_t len, uint64_t *ms)
{
	/* Binary fractions: 0.035 * 1000 is a little more than 35. */
	const double noise = 1e-3;
	char number[EVENT_NUMBER_SIZE];
	const char *end;
	double got;

	for (; len > 1 && text[0] == '0' && text[1] != '.'; len--)
		text++;
	if (len >= sizeof number)
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	end = json_skip_number(number);
	if (end != number + len)
		return false;
	got = strtod(number, NULL) * 1000;
	if (got <= 0 || got > (double)limit_of[LIMIT_EXPIRES_MS].max)
		return false;
	*ms = got < 1 ? 1 : (uint64_t)ceil(got - noise);
	return true;
}

/*
 * Bytes up to the first CR or LF.  They are looked for in pieces: a text whose
 * lines all end in LF would otherwise be searched to its end for a CR, once for
 * each of its lines.
 */
static size_t
event_line_length(const char *text, size_t len)
{
	const char *lf, *cr;
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < EVENT_PIECE ? len - at : EVENT_PIECE;
		lf = memchr(text + at, '\n', n);
		if (lf != NULL)
			n = (size_t)(lf - (text + at));
		cr = memchr(text + at, '\r', n);
		if (cr != NULL || lf != NULL)
			return (size_t)((cr != NULL ? cr : lf) - text);
	}
	return len;
}

static int
event_encode_field(struct buffer *b, const char *field, const char *value,
    size_t len)
{
	size_t field_len = strlen(field);
	char *to = buffer_reserve(b, field_len + len + 1);

	if (to == NULL)
		return -1;
	/* No text. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(to, field, field_len);
	if (len > 0)
		memcpy(to + field_len, value, len);
	to[field_len + len] = '\n';
	buffer_commit(b, field_len + len + 1);
	return 0;
}

/*
 * CR, LF and CRLF each end a line for the client, so behind each a new `data:`
 * begins.  The client removes one space after the colon: ours, not one that the
 * data begin with.
 */
static int
event_encode_data(struct buffer *b, const char *data, size_t len)
{
	size_t line;

	for (;;) {
		line = event_line_length(data, len);
		if (event_encode_field(b, line == 0 ? "data:" : "data: ", data,
			line) == -1)
			return -1;
		if (line == len)
			return 0;
		line += data[line] == '\r' && line + 1 < len &&
			data[line + 1] == '\n'
		    ? 2
		    : 1;
		data += line;
		len -= line;
	}
}

int
event_encode(struct buffer *b, const struct event_fields *e, const char *id,
    size_t id_len)
{
	size_t before = b->len;

	if (id_len > 0 && event_encode_field(b, "id: ", id, id_len) == -1)
		goto fail;
	if (e->name_len > 0 &&
	    event_encode_field(b, "event: ", e->name, e->name_len) == -1)
		goto fail;
	if (e->retry_ms != EVENT_RETRY_NONE &&
	    buffer_printf(b, "retry: %llu\n",
		(unsigned long long)e->retry_ms) == -1)
		goto fail;
	if (event_encode_data(b, e->data, e->data_len) == -1 ||
	    buffer_append(b, "\n", 1) == -1)
		goto fail;
	return 0;
fail:
	buffer_truncate(b, before);
	return -1;
}

const char *
event_check_channel(const char *name, size_t len)
{
	const unsigned char *p = (const unsigned char *)name;
	size_t i;

	if (len == 0)
		return "channel name is empty";
	if (len > CHANNEL_NAME_MAX)
		return "channel name is longer than 255 bytes";
	if (!text_is_utf8(name, len))
		return "channel name is not valid UTF-8";
	/* A file that some editors saved begins with one, which nobody sees. */
	if (len >= 3 && memcmp(name, "\xef\xbb\xbf", 3) == 0)
		return "channel name begins with a byte order mark";
	for (i = 0; i < len; i++) {
		/* Most names have little else than digits and letters. */
		if (p[i] >= '0' && p[i] <= 'z')
			continue;
		if (p[i] <= ' ' || p[i] == 0x7f ||
		    (p[i] == 0xc2 && p[i + 1] < 0xa0))
			return "channel name has a space or control character";
		if (p[i] == '*' || p[i] == '{' || p[i] == '}')
			return "channel name has one of * { }";
		/* No pattern fits it, though people take a/ and a for one. */
		if (p[i] == '/' && (i == 0 || i + 1 == len || p[i + 1] == '/'))
			return "channel name has an empty segment";
	}
	return NULL;
}

bool
event_channel_is_reserved(const char *name, size_t len)
{
	return len > 0 && name[0] == '$';
}
