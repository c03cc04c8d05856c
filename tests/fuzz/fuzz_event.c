/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The event encoder against the tests' reference parser: whatever it accepts
 * a browser gets back as one event, with its line ends as LF. The input is
 * name NUL id NUL data.
 */
#include "fuzz.h"

#include <string.h>

#include "../unit/lib/sse_parser.h"
#include "base/buffer.h"
#include "protocol/event.h"

const char *const fuzz_name = "event";

struct fuzz_expected {
	const struct event_fields *fields;
	struct buffer data; /* with LF alone */
	unsigned events;
	unsigned retries;
};

static void
fuzz_event_cb(const struct sse_event *event, void *arg)
{
	struct fuzz_expected *expected = arg;
	const struct event_fields *fields = expected->fields;

	expected->events++;
	if (fields->name_len == 0) {
		fuzz_check(strcmp(event->type, "message") == 0);
	} else {
		fuzz_check(event->type_len == fields->name_len);
		fuzz_check(memcmp(event->type, fields->name,
			       fields->name_len) == 0);
	}
	fuzz_check(event->last_id_len == fields->id_len);
	fuzz_check(memcmp(event->last_id, fields->id, fields->id_len) == 0);
	fuzz_check(event->data_len == expected->data.len);
	fuzz_check(event->data_len == 0 ||
	    memcmp(event->data, expected->data.data, event->data_len) == 0);
}

static void
fuzz_retry_cb(uint64_t ms, void *arg)
{
	struct fuzz_expected *expected = arg;

	fuzz_check(ms == expected->fields->retry_ms);
	expected->retries++;
}

/* CR, LF and CRLF as LF. */
static void
fuzz_normalise(struct buffer *to, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' && i > 0 && data[i - 1] == '\r')
			continue;
		fuzz_check(buffer_append(to, data[i] == '\r' ? "\n" : &data[i],
			       1) == 0);
	}
}

static void
fuzz_encode(const struct event_fields *fields)
{
	struct fuzz_expected expected = { .fields = fields };
	struct sse_sink sink = { fuzz_event_cb, fuzz_retry_cb, NULL,
		&expected };
	struct sse_parser *parser = sse_parser_new(&sink);
	struct buffer record = { .len = 0 };

	fuzz_normalise(&expected.data, fields->data, fields->data_len);
	fuzz_check(event_encode(&record, fields, fields->id, fields->id_len) ==
	    0);
	/* Twice: an event leaves nothing over for the next. */
	sse_parser_feed(parser, record.data, record.len);
	fuzz_check(sse_parser_pending(parser) == 0);
	sse_parser_feed(parser, record.data, record.len);
	fuzz_check(expected.events == 2);
	fuzz_check(expected.retries ==
	    (fields->retry_ms == EVENT_RETRY_NONE ? 0 : 2));
	sse_parser_free(parser);
	buffer_clear(&record);
	buffer_clear(&expected.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = (const char *)data;
	const char *end = name + size;
	const char *name_end = size > 0 ? memchr(name, '\0', size) : NULL;
	const char *id = name_end != NULL ? name_end + 1 : NULL;
	const char *id_end =
	    id != NULL ? memchr(id, '\0', (size_t)(end - id)) : NULL;
	struct event_fields fields = { .retry_ms = EVENT_RETRY_NONE };

	if (id_end == NULL || id_end == id)
		return 0;
	fields.name = name;
	fields.name_len = (size_t)(name_end - name);
	fields.id = id;
	fields.id_len = (size_t)(id_end - id);
	fields.data = id_end + 1;
	fields.data_len = (size_t)(end - fields.data);
	event_check_channel(name, fields.name_len);
	if (event_check(&fields, 65536) != NULL)
		return 0;
	fuzz_encode(&fields);
	fields.retry_ms = size * 77;
	fuzz_encode(&fields);
	return 0;
}
