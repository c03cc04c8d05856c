/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A line of the queue's protocol, as the socket and as the named pipe read it.
 * A tokener that has read other lines before gives what a fresh one gives.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "protocol/command.h"
#include "protocol/event.h"

const char *const fuzz_name = "command";

typedef int
fuzz_parse(struct command *, struct json_tokener *, const char *, size_t);

static void
fuzz_check_span(struct text_span span)
{
	volatile char last;

	/* The bytes are there for a sanitizer to see. */
	for (size_t i = 0; i < span.len; i++)
		last = span.text[i];
	(void)last;
}

static void
fuzz_check_event(const struct event_fields *event)
{
	fuzz_check_span((struct text_span){ event->data, event->data_len });
	fuzz_check_span((struct text_span){ event->name, event->name_len });
	fuzz_check_span((struct text_span){ event->id, event->id_len });
	fuzz_check_span((struct text_span){ event->key, event->key_len });
	fuzz_check_span((struct text_span){ event->origin, event->origin_len });
	event_check(event, 65536);
}

static void
fuzz_check_command(const struct command *command, int result)
{
	if (result == -1) {
		fuzz_check(*command->error != '\0');
		fuzz_check(memchr(command->error, '\0',
			       sizeof(command->error)) != NULL);
		fuzz_check(command->code >= 64 && command->code <= 78);
		return;
	}
	fuzz_check(result == 0);
	fuzz_check(command->channel_count <= CURSORS_MAX);
	for (size_t i = 0; i < command->channel_count; i++) {
		fuzz_check_span(command->channels[i]);
		event_check_channel(command->channels[i].text,
		    command->channels[i].len);
	}
	fuzz_check_span(command->since);
	if (command->kind == COMMAND_PUBLISH) {
		fuzz_check(command->channel_count > 0);
		fuzz_check_event(&command->event);
	}
}

static void
fuzz_check_same(const struct command *a, const struct command *b)
{
	fuzz_check(a->kind == b->kind);
	fuzz_check(a->channel_count == b->channel_count);
	fuzz_check(a->event.data_len == b->event.data_len);
	fuzz_check(a->event.key_len == b->event.key_len);
	fuzz_check(a->event.origin_len == b->event.origin_len);
	fuzz_check(a->code == b->code);
}

/* In memory of its own: the line has no end behind it. */
static void
fuzz_line(fuzz_parse *parse, struct json_tokener *used, const char *line,
    size_t len)
{
	struct json_tokener *fresh = command_tokener();
	struct command first = { .code = 0 };
	struct command second = { .code = 0 };
	char *copy = malloc(len > 0 ? len : 1);
	int result;

	fuzz_check(fresh != NULL && copy != NULL);
	if (len > 0)
		memcpy(copy, line, len);
	result = parse(&first, fresh, copy, len);
	fuzz_check_command(&first, result);
	fuzz_check(parse(&second, used, copy, len) == result);
	fuzz_check_same(&first, &second);
	command_clear(&first);
	command_clear(&second);
	json_tokener_free(fresh);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_tokener *used = command_tokener();
	const char *at = size > 0 ? (const char *)data : "";
	const char *end = at + size;

	fuzz_check(used != NULL);
	for (;;) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf != NULL ? lf : end) - at);

		fuzz_line(command_parse, used, at, len);
		fuzz_line(command_parse_plain, used, at, len);
		if (lf == NULL)
			break;
		at = lf + 1;
	}
	json_tokener_free(used);
	return 0;
}
