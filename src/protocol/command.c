/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "protocol/command.h"
#include "protocol/limits.h"

enum {
	COMMAND_JSON_DEPTH = 32,
	/* JSON may write one byte of data as six, and adds names and id. */
	COMMAND_ESCAPED_BYTES = 6,
	COMMAND_LINE_EXTRA = 65536,
	COMMAND_HANDOFF_EXTRA = 262144 /* channels, and what came behind it */
};

size_t
command_line_max(uint64_t max_event_bytes)
{
	return max_event_bytes * COMMAND_ESCAPED_BYTES + COMMAND_LINE_EXTRA;
}

size_t
command_handoff_max(uint64_t max_event_bytes, uint64_t max_request_bytes)
{
	return command_line_max(max_event_bytes) + COMMAND_HANDOFF_EXTRA +
	    max_request_bytes * COMMAND_ESCAPED_BYTES;
}

static int __attribute__((format(printf, 3, 4)))
command_refuse(struct command *c, int code, const char *fmt, ...)
{
	char raw[COMMAND_ERROR_SIZE];
	va_list ap;

	c->code = code;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	/* It may quote what the line says, valid or not. */
	text_escape(raw, strlen(raw), c->error, sizeof c->error);
	return -1;
}

struct json_tokener *
command_tokener(void)
{
	struct json_tokener *t = json_tokener_new_ex(COMMAND_JSON_DEPTH);

	if (t != NULL)
		json_tokener_set_flags(t,
		    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return t;
}

static int
command_read_text(struct command *c, const char *name,
    struct json_object *value, struct text_span *span)
{
	if (json_get_text(value, span))
		return 0;
	return command_refuse(c, EX_DATAERR, "%s is not a string", name);
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
		span.text = json_object_to_json_string_ext(value,
		    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
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

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	if (span.len == 0)
		return command_refuse(c, EX_DATAERR, "id is empty");
	c->event.id = span.text;
	c->event.id_len = span.len;
	return 0;
}

static int
command_read_key(struct command *c, const char *name, struct json_object *value)
{
	struct text_span span = { NULL, 0 };

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	if (span.len == 0)
		return command_refuse(c, EX_DATAERR, "key is empty");
	c->event.key = span.text;
	c->event.key_len = span.len;
	return 0;
}

static int
command_read_retry(struct command *c, const char *name,
    struct json_object *value)
{
	return command_read_number(c, name, value, limit_of[LIMIT_RETRY_MS].max,
	    &c->event.retry_ms);
}

/* Seconds, with a fraction if need be. */
static int
command_read_expires(struct command *c, const char *name,
    struct json_object *value)
{
	double seconds;

	if (!json_get_real(value, &seconds) || seconds <= 0 ||
	    seconds * 1000 > (double)limit_of[LIMIT_EXPIRES_MS].max)
		return command_refuse(c, EX_DATAERR,
		    "%s is not a number of seconds above 0", name);
	c->event.expires_ms = (uint64_t)ceil(seconds * 1000);
	return 0;
}

static int
command_read_do(struct command *c, const char *name, struct json_object *value)
{
	static const struct {
		const char *name;
		enum command_kind kind;
	} kinds[] = { { "stream", COMMAND_STREAM },
		{ "status", COMMAND_STATUS }, { "close", COMMAND_CLOSE },
		{ "handoff", COMMAND_HANDOFF },
		{ "presence", COMMAND_PRESENCE } };
	struct text_span span = { NULL, 0 };
	size_t i;

	if (command_read_text(c, name, value, &span) == -1)
		return -1;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (text_equals(span, kinds[i].name)) {
			c->kind = kinds[i].kind;
			return 0;
		}
	}
	return command_refuse(c, EX_USAGE,
	    "\"do\" is none of stream, status, close, presence");
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

static int
command_read_stream(struct command *c, const char *name,
    struct json_object *value)
{
	c->has_stream = true;
	return command_read_number(c, name, value, INT64_MAX, &c->stream);
}

#define COMMAND_BIT(kind) (1U << (kind))

/* Every field, how it is read, and the commands that it belongs to. */
static const struct command_field {
	const char *name;
	int (*read)(struct command *, const char *, struct json_object *);
	unsigned kinds;
} command_fields[] = {
	{ "channel", command_read_channel,
	    COMMAND_BIT(COMMAND_PUBLISH) | COMMAND_BIT(COMMAND_STREAM) |
		COMMAND_BIT(COMMAND_STATUS) | COMMAND_BIT(COMMAND_CLOSE) |
		COMMAND_BIT(COMMAND_PRESENCE) },
	{ "data", command_read_data, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "event", command_read_event, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "id", command_read_id, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "key", command_read_key, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "retry", command_read_retry, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "expires", command_read_expires, COMMAND_BIT(COMMAND_PUBLISH) },
	{ "since", command_read_since, COMMAND_BIT(COMMAND_STREAM) },
	{ "last", command_read_last, COMMAND_BIT(COMMAND_STREAM) },
	{ "stop", command_read_stop, COMMAND_BIT(COMMAND_CLOSE) },
	{ "streams", command_read_streams, COMMAND_BIT(COMMAND_STATUS) },
	{ "channels", command_read_channels, COMMAND_BIT(COMMAND_STATUS) },
	{ "user", command_read_user, COMMAND_BIT(COMMAND_CLOSE) },
	{ "stream", command_read_stream, COMMAND_BIT(COMMAND_CLOSE) },
};

static int
command_read_field(struct command *c, const char *name,
    struct json_object *value)
{
	const size_t count = sizeof command_fields / sizeof *command_fields;
	const struct command_field *f = command_fields;
	size_t i;

	if (strcmp(name, "do") == 0)
		return 0;
	for (i = 0; i < count; i++, f++)
		if (strcmp(f->name, name) == 0 &&
		    (f->kinds & COMMAND_BIT(c->kind)) != 0)
			return f->read(c, name, value);
	return command_refuse(c, EX_DATAERR, "unknown field \"%s\"", name);
}

/* Whether all that the command needs was there. */
static int
command_check(struct command *c)
{
	if (c->kind == COMMAND_PUBLISH && c->event.data == NULL)
		return command_refuse(c, EX_DATAERR, "data is missing");
	if (c->kind != COMMAND_STATUS && c->kind != COMMAND_CLOSE &&
	    c->channel_count == 0)
		return command_refuse(c, EX_DATAERR, "channel is missing");
	if (c->kind == COMMAND_PRESENCE && c->channel_count != 1)
		return command_refuse(c, EX_DATAERR,
		    "presence takes one channel");
	if (c->kind == COMMAND_CLOSE &&
	    (c->channel_count > 0) + (c->user != NULL) + c->has_stream != 1)
		return command_refuse(c, EX_DATAERR,
		    "close takes one of channel, user, stream");
	return 0;
}

static void
command_init(struct command *c)
{
	memset(c, 0, offsetof(struct command, channels));
	c->channel_count = 0;
	memset(&c->event, 0, sizeof *c - offsetof(struct command, event));
	c->event.retry_ms = EVENT_RETRY_NONE;
}

static int
command_parse_json(struct command *c, struct json_tokener *tokener,
    const char *line, size_t len)
{
	enum json_tokener_error error;

	/* json-c takes a NUL for the end, and is content with what is before.
	 */
	if (len > 0 && memchr(line, '\0', len) != NULL)
		return command_refuse(c, EX_DATAERR,
		    "not valid JSON: it has a NUL byte");
	json_tokener_reset(tokener);
	c->json = json_tokener_parse_ex(tokener, line, (int)len);
	error = json_tokener_get_error(tokener);
	if (error == json_tokener_continue)
		return command_refuse(c, EX_DATAERR,
		    "not valid JSON: it ends too early");
	if (error == json_tokener_error_parse_utf8_string)
		return command_refuse(c, EX_DATAERR, "data is not valid UTF-8");
	if (error != json_tokener_success)
		return command_refuse(c, EX_DATAERR,
		    "not valid JSON at byte %zu: %s",
		    json_tokener_get_parse_end(tokener) + 1,
		    json_tokener_error_desc(error));
	if (!json_object_is_type(c->json, json_type_object))
		return command_refuse(c, EX_DATAERR, "not a JSON object");
	return 0;
}

static int
command_read(struct command *c, struct json_tokener *tokener, const char *line,
    size_t len)
{
	struct json_object *kind;

	command_init(c);
	if (command_parse_json(c, tokener, line, len) == -1)
		return -1;
	if (json_object_object_get_ex(c->json, "do", &kind) &&
	    command_read_do(c, "do", kind) == -1)
		return -1;
	if (c->kind == COMMAND_HANDOFF)
		return 0;
	json_object_object_foreach(c->json, name, value)
	{
		if (command_read_field(c, name, value) == -1)
			return -1;
	}
	return 0;
}

int
command_parse(struct command *c, struct json_tokener *tokener, const char *line,
    size_t len)
{
	if (command_read(c, tokener, line, len) == -1)
		return -1;
	return c->kind == COMMAND_HANDOFF ? 0 : command_check(c);
}

int
command_parse_event(struct command *c, struct json_tokener *tokener,
    const char *line, size_t len)
{
	if (command_read(c, tokener, line, len) == -1)
		return -1;
	if (c->kind == COMMAND_PUBLISH && c->event.data != NULL)
		return 0;
	return command_refuse(c, EX_DATAERR, "no event");
}

int
command_parse_plain(struct command *c, struct json_tokener *tokener,
    const char *line, size_t len)
{
	const char *space;

	if (len > 0 && line[0] == '{')
		return command_parse(c, tokener, line, len);
	command_init(c);
	if (len == 0)
		return command_refuse(c, EX_DATAERR, "the line is empty");
	space = memchr(line, ' ', len);
	c->channels[0].text = line;
	c->channels[0].len = space == NULL ? len : (size_t)(space - line);
	c->channel_count = 1;
	c->event.data = space == NULL ? line + len : space + 1;
	c->event.data_len = (size_t)(line + len - c->event.data);
	return 0;
}

void
command_clear(struct command *c)
{
	json_object_put(c->json);
	c->json = NULL;
}
