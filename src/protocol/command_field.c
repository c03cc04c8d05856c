/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "protocol/command_field.h"
#include "protocol/limits.h"

int
command_refuse(struct command *c, int code, const char *fmt, ...)
{
	char raw[COMMAND_ERROR_SIZE];
	va_list ap;

	c->code = code;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	/* The words may quote the line, whose bytes may be anything. */
	text_escape(raw, strlen(raw), c->error, sizeof c->error);
	return -1;
}

static int
command_read_text(struct command *c, const char *name,
    struct json_object *value, struct text_span *span)
{
	if (json_get_text(value, span))
		return 0;
	return command_refuse(c, EX_DATAERR, "%s is not a string", name);
}

/* What a publisher names an event by: a string, or a whole number's digits. */
static int
command_read_name(struct command *c, const char *name,
    struct json_object *value, struct text_span *span)
{
	if (!json_get_name(value, span))
		return command_refuse(c, EX_DATAERR, "%s is not a string",
		    name);
	if (span->len > 0)
		return 0;
	return command_refuse(c, EX_DATAERR, "%s is empty", name);
}

static int
command_read_flag(struct command *c, const char *name,
    struct json_object *value, bool *flag)
{
	if (json_get_flag(value, flag))
		return 0;
	return command_refuse(c, EX_DATAERR, "%s is not true or false", name);
}

/* A whole number in [0, max]; JSON's, or a string of digits alone. */
static int
command_read_number(struct command *c, const char *name,
    struct json_object *value, uint64_t max, uint64_t *number)
{
	struct text_span span;

	if (json_get_whole(value, max, number) ||
	    (json_get_text(value, &span) &&
		text_parse_number(span.text, span.len, max, number)))
		return 0;
	return command_refuse(c, EX_DATAERR,
	    "%s is not a whole number from 0 to %llu", name,
	    (unsigned long long)max);
}

static int
command_add_channel(struct command *c, struct json_object *name)
{
	struct text_span channel;

	if (!json_get_text(name, &channel))
		return command_refuse(c, EX_DATAERR, "channel is not a string");
	if (c->channel_count == CURSORS_MAX)
		return command_refuse(c, EX_DATAERR, "more than %d channels",
		    CURSORS_MAX);
	c->channels[c->channel_count++] = channel;
	return 0;
}

static int
command_read_channel(struct command *c, const char *name,
    struct json_object *value)
{
	size_t i;

	(void)name;
	if (!json_object_is_type(value, json_type_array))
		return command_add_channel(c, value);
	for (i = 0; i < json_object_array_length(value); i++)
		if (command_add_channel(c,
			json_object_array_get_idx(value, i)) == -1)
			return -1;
	return 0;
}

static int
command_read_data(struct command *c, const char *name,
    struct json_object *value)
{
	const char *wrong;
	struct text_span span;

	(void)name;
	if (!json_get_text(value, &span)) {
		if ((wrong = json_wrong_number(value)) != NULL)
			return command_refuse(c, EX_DATAERR, "%s", wrong);
		span.text = json_line(value);
		if (span.text == NULL)
			return command_refuse(c, EX_TEMPFAIL, "out of memory");
		span.len = strlen(span.text);
	}
	c->event.data = span.text;
	c->event.data_len = span.len;
	return 0;
}

static int
command_read_event(struct command *c, const char *name,
    struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	c->event.name = span.text;
	c->event.name_len = span.len;
	return 0;
}

static int
command_read_id(struct command *c, const char *name, struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_name(c, name, value, &span) == -1)
		return -1;
	c->event.id = span.text;
	c->event.id_len = span.len;
	return 0;
}

static int
command_read_key(struct command *c, const char *name, struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_name(c, name, value, &span) == -1)
		return -1;
	c->event.key = span.text;
	c->event.key_len = span.len;
	return 0;
}

static int
command_read_origin(struct command *c, const char *name,
    struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	c->event.origin = span.text;
	c->event.origin_len = span.len;
	return 0;
}

static int
command_read_retry(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_number(c, name, value, limit_of[LIMIT_RETRY_MS].max,
	    &c->event.retry_ms);
}

/* A number, or a string that is one. */
static int
command_read_expires(struct command *c, const char *name,
    struct json_object *value)
{
	struct text_span text;

	if (json_get_word(value, &text) &&
	    event_parse_expires(text.text, text.len, &c->event.expires_ms))
		return 0;
	return command_refuse(c, EX_DATAERR,
	    "%s is not a number of seconds above 0", name);
}

static int
command_read_since(struct command *c, const char *name,
    struct json_object *value)
{
	if (command_read_text(c, name, value, &c->since) == -1)
		return -1;
	c->since_all = text_equals(c->since, "all");
	if (c->since_all)
		c->since.len = 0;
	return 0;
}

static int
command_read_last(struct command *c, const char *name,
    struct json_object *value)
{
	c->has_last = true;
	return command_read_number(c, name, value, limit_of[LIMIT_LAST].max,
	    &c->last);
}

static int
command_read_stop(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->stop);
}

static int
command_read_streams(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->streams);
}

static int
command_read_channels(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->list_channels);
}

static int
command_read_runs(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->runs);
}

static int
command_read_slow(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->slow);
}

static int
command_read_sort(struct command *c, const char *name,
    struct json_object *value)
{
	static const char *const words[COMMAND_SORTS] = {
		[COMMAND_SORT_EVENTS] = "events",
		[COMMAND_SORT_STREAMS] = "streams",
		[COMMAND_SORT_BYTES] = "bytes",
		[COMMAND_SORT_PUBLISHED] = "published",
		[COMMAND_SORT_NEWEST] = "newest",
	};
	struct text_span word = { NULL, 0 };
	size_t i;

	if (command_read_text(c, name, value, &word) == -1)
		return -1;
	for (i = 0; i < COMMAND_SORTS; i++)
		if (text_equals(word, words[i])) {
			c->sort = (enum command_sort)i;
			return 0;
		}
	return command_refuse(c, EX_DATAERR,
	    "sort is none of events, streams, bytes, published, newest");
}

static int
command_read_find(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_text(c, name, value, &c->find);
}

static int
command_read_limit(struct command *c, const char *name,
    struct json_object *value)
{
	c->has_limit = true;
	return command_read_number(c, name, value, UINT32_MAX, &c->limit);
}

static int
command_read_user(struct command *c, const char *name,
    struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	if (span.len == 0 || strlen(span.text) != span.len)
		return command_refuse(c, EX_DATAERR, "user is empty");
	c->user = span.text;
	return 0;
}

/* A number, or "NODE.NUMBER" at a store that nodes share. */
static int
command_read_stream(struct command *c, const char *name,
    struct json_object *value)
{
	struct text_span text;
	const char *dot;

	c->has_stream = true;
	if (!json_get_text(value, &text) ||
	    (dot = memrchr(text.text, '.', text.len)) == NULL)
		return command_read_number(c, name, value, INT64_MAX,
		    &c->stream);
	c->node.text = text.text;
	c->node.len = (size_t)(dot - text.text);
	if (c->node.len > 0 &&
	    text_parse_number(dot + 1, text.len - c->node.len - 1, INT64_MAX,
		&c->stream))
		return 0;
	return command_refuse(c, EX_DATAERR,
	    "stream is not a whole number, or one behind NODE.");
}

static int
command_read_here(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_flag(c, name, value, &c->here);
}

/* Every field, and how it is read. */
static const struct {
	unsigned field;
	const char *name;
	int (*read)(struct command *, const char *, struct json_object *);
} command_fields[] = {
	{ FIELD_CHANNEL, "channel", command_read_channel },
	{ FIELD_DATA, "data", command_read_data },
	{ FIELD_EVENT, "event", command_read_event },
	{ FIELD_ID, "id", command_read_id },
	{ FIELD_KEY, "key", command_read_key },
	{ FIELD_ORIGIN, "origin", command_read_origin },
	{ FIELD_RETRY, "retry", command_read_retry },
	{ FIELD_EXPIRES, "expires", command_read_expires },
	{ FIELD_SINCE, "since", command_read_since },
	{ FIELD_LAST, "last", command_read_last },
	{ FIELD_STOP, "stop", command_read_stop },
	{ FIELD_STREAMS, "streams", command_read_streams },
	{ FIELD_CHANNELS, "channels", command_read_channels },
	{ FIELD_RUNS, "runs", command_read_runs },
	{ FIELD_SLOW, "slow", command_read_slow },
	{ FIELD_SORT, "sort", command_read_sort },
	{ FIELD_FIND, "find", command_read_find },
	{ FIELD_LIMIT, "limit", command_read_limit },
	{ FIELD_USER, "user", command_read_user },
	{ FIELD_STREAM, "stream", command_read_stream },
	{ FIELD_HERE, "here", command_read_here },
};

int
command_read_field(struct command *c, unsigned fields, const char *name,
    struct json_object *value)
{
	const size_t count = sizeof command_fields / sizeof *command_fields;
	size_t i;

	for (i = 0; i < count; i++)
		if ((command_fields[i].field & fields) != 0 &&
		    strcmp(command_fields[i].name, name) == 0)
			return command_fields[i].read(c, name, value);
	return command_refuse(c, EX_DATAERR, "unknown field \"%s\"", name);
}
