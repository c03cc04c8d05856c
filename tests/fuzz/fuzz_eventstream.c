/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The event-stream reader of the companion against the tests' reference
 * parser: the same events, however the bytes are cut. What is not UTF-8 is
 * only read: the reference replaces it, ours hands it on.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "../unit/lib/sse_parser.h"
#include "base/buffer.h"
#include "base/text.h"
#include "protocol/eventstream.h"

const char *const fuzz_name = "eventstream";

enum {
	FUZZ_MAX = 1 << 20
};

/* An event as text; lengths make it unambiguous. */
static void
fuzz_print(struct buffer *to, const char *type, size_t type_len,
    const char *data, size_t data_len)
{
	fuzz_check(buffer_printf(to, "%zu %zu ", type_len, data_len) == 0);
	fuzz_check(buffer_append(to, type, type_len) == 0);
	fuzz_check(buffer_append(to, data, data_len) == 0);
}

static void
fuzz_event_cb(const struct sse_event *event, void *arg)
{
	fuzz_print(arg, event->type, event->type_len, event->data,
	    event->data_len);
}

static void
fuzz_reference(struct buffer *to, struct buffer *id, const uint8_t *data,
    size_t size)
{
	struct sse_sink sink = { fuzz_event_cb, NULL, NULL, to };
	struct sse_parser *parser = sse_parser_new(&sink);
	const char *last;
	size_t len;

	sse_parser_feed(parser, data, size);
	last = sse_parser_last_id(parser, &len);
	fuzz_check(buffer_append(id, last, len) == 0);
	sse_parser_free(parser);
}

static void
fuzz_ours(struct buffer *to, struct buffer *id, const uint8_t *data,
    size_t size, size_t step)
{
	struct eventstream stream = { .line.len = 0 };
	struct eventstream_event event;
	const char *last;

	for (size_t done = 0; done < size; done += step) {
		const char *bytes = (const char *)data + done;
		size_t len = size - done < step ? size - done : step;
		int got;

		while ((got = eventstream_read(&stream, &bytes, &len, FUZZ_MAX,
			    &event)) == 1)
			fuzz_print(to,
			    event.event != NULL ? event.event : "message",
			    event.event != NULL ? event.event_len : 7,
			    event.data, event.data_len);
		fuzz_check(got == 0 && len == 0);
	}
	last = eventstream_last_id(&stream);
	if (last != NULL)
		fuzz_check(buffer_append(id, last, strlen(last)) == 0);
	eventstream_clear(&stream);
}

static bool
fuzz_is_same(const struct buffer *a, const struct buffer *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { FUZZ_MAX, 1, 7 };
	struct buffer reference = { .len = 0 };
	struct buffer reference_id = { .len = 0 };

	if (size > FUZZ_MAX / 2)
		return 0;
	fuzz_reference(&reference, &reference_id, data, size);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buffer ours = { .len = 0 };
		struct buffer id = { .len = 0 };

		fuzz_ours(&ours, &id, data, size, steps[i]);
		if (text_is_utf8((const char *)data, size)) {
			fuzz_check(fuzz_is_same(&ours, &reference));
			fuzz_check(fuzz_is_same(&id, &reference_id));
		}
		buffer_clear(&ours);
		buffer_clear(&id);
	}
	buffer_clear(&reference);
	buffer_clear(&reference_id);
	return 0;
}
