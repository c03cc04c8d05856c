/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "protocol/command_field.h"
#include "protocol/limits.h"

enum {
	COMMAND_JSON_DEPTH = 32,
	/* JSON may write one byte of data as six, and adds names and id. */
	COMMAND_ESCAPED_BYTES = 6,
	COMMAND_LINE_EXTRA = 65536,
	COMMAND_HANDOFF_EXTRA = 262144 /* channels, head, further input */
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
command_check_channel(struct command *c)
{
	if (c->channel_count == 0)
		return command_refuse(c, EX_DATAERR, "channel is missing");
	return 0;
}

static int
command_check_event(struct command *c)
{
	if (c->event.data == NULL)
		return command_refuse(c, EX_DATAERR, "data is missing");
	return command_check_channel(c);
}

static int
command_check_one_channel(struct command *c)
{
	if (c->channel_count > 1)
		return command_refuse(c, EX_DATAERR, "%s takes one channel",
		    c->kind == COMMAND_STOP ? "stop" : "presence");
	return command_check_channel(c);
}

static int
command_check_history(struct command *c)
{
	const struct limit *limit = &limit_of[LIMIT_HISTORY];

	if (c->has_limit && !limit_allows(limit, c->limit))
		return command_refuse(c, EX_DATAERR,
		    "limit is not a number from %llu to %llu",
		    (unsigned long long)limit->min,
		    (unsigned long long)limit->max);
	if (!c->has_limit)
		c->limit = limit->max;
	return command_check_channel(c);
}

static int
command_check_close(struct command *c)
{
	if ((c->channel_count > 0) + (c->user != NULL) + c->has_stream != 1)
		return command_refuse(c, EX_DATAERR,
		    "close takes one of channel, user, stream");
	return 0;
}

/*
 * Every command: its name in "do", the fields that it may have, and whether all
 * that it needs was there.  queue/execute.c has a row for each as well, with
 * what it does.
 */
static const struct {
	const char *name;               /* NULL: an event, which has no "do" */
	int (*check)(struct command *); /* or NULL */
	unsigned fields;
	bool is_internal; /* between our own programs: json is read later */
} command_rows[COMMAND_KINDS] = {
	[COMMAND_PUBLISH] = { NULL, command_check_event,
	    FIELD_CHANNEL | FIELD_DATA | FIELD_EVENT | FIELD_ID | FIELD_KEY |
		FIELD_ORIGIN | FIELD_RETRY | FIELD_EXPIRES,
	    false },
	[COMMAND_STREAM] = { "stream", command_check_channel,
	    FIELD_CHANNEL | FIELD_SINCE | FIELD_LAST, false },
	[COMMAND_STATUS] = { "status", NULL,
	    FIELD_CHANNEL | FIELD_STREAMS | FIELD_CHANNELS | FIELD_SLOW |
		FIELD_SORT | FIELD_FIND | FIELD_LIMIT | FIELD_HERE | FIELD_RUNS,
	    false },
	[COMMAND_CLOSE] = { "close", command_check_close,
	    FIELD_CHANNEL | FIELD_USER | FIELD_STREAM | FIELD_STOP, false },
	[COMMAND_HANDOFF] = { "handoff", NULL, 0, true },
	[COMMAND_PRESENCE] = { "presence", command_check_one_channel,
	    FIELD_CHANNEL | FIELD_HERE, false },
	[COMMAND_ORDER] = { "order", NULL, 0, false },
	[COMMAND_STOP] = { "stop", command_check_one_channel,
	    FIELD_CHANNEL | FIELD_USER, false },
	[COMMAND_RUN] = { "run", NULL, 0, true },
	[COMMAND_POSITION] = { "position", NULL, FIELD_CHANNEL, false },
	[COMMAND_HISTORY] = { "history", command_check_history,
	    FIELD_CHANNEL | FIELD_SINCE | FIELD_LAST | FIELD_LIMIT, false },
	[COMMAND_RELOAD] = { "reload", NULL, 0, false },
	[COMMAND_RESTART] = { "restart", NULL, 0, false },
	[COMMAND_SHUTDOWN] = { "shutdown", NULL, 0, false },
};

/* Names the commands that a publisher may give. */
static int
command_refuse_do(struct command *c)
{
	char names[COMMAND_ERROR_SIZE] = "";
	size_t kind, n = 0;

	for (kind = 0; kind < COMMAND_KINDS && n < sizeof names; kind++)
		if (command_rows[kind].name != NULL &&
		    !command_rows[kind].is_internal)
			n += (size_t)snprintf(names + n, sizeof names - n,
			    "%s%s", n == 0 ? "" : ", ",
			    command_rows[kind].name);
	return command_refuse(c, EX_USAGE, "\"do\" is none of %s", names);
}

static int
command_read_do(struct command *c, struct json_object *value)
{
	struct text_span name;
	size_t kind;

	if (!json_get_text(value, &name))
		return command_refuse(c, EX_DATAERR, "do is not a string");
	for (kind = 0; kind < COMMAND_KINDS; kind++)
		if (command_rows[kind].name != NULL &&
		    text_equals(name, command_rows[kind].name)) {
			c->kind = (enum command_kind)kind;
			return 0;
		}
	return command_refuse_do(c);
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
	    command_read_do(c, kind) == -1)
		return -1;
	if (command_rows[c->kind].is_internal)
		return 0;
	json_object_object_foreach(c->json, name, value)
	{
		if (strcmp(name, "do") != 0 &&
		    command_read_field(c, command_rows[c->kind].fields, name,
			value) == -1)
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
	if (command_rows[c->kind].check == NULL)
		return 0;
	return command_rows[c->kind].check(c);
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
