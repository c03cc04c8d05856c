/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "sse_parser.h"
#include "support.h"

enum {
	SUPPORT_MAP_BYTES = 4 * 1024 * 1024,
	SUPPORT_SETTINGS = 8
};

const char *
support_guard(const void *data, size_t len)
{
	static char *map;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *to;

	if (map == NULL) {
		map = mmap(NULL, SUPPORT_MAP_BYTES + page,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(map != MAP_FAILED);
		assert_int_equal(mprotect(map + SUPPORT_MAP_BYTES, page,
				     PROT_NONE),
		    0);
	}
	assert_true(len <= SUPPORT_MAP_BYTES);
	to = map + SUPPORT_MAP_BYTES - len;
	if (len > 0)
		memcpy(to, data, len);
	return to;
}

bool
support_is_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

uint32_t
support_random(uint64_t *state, uint32_t below)
{
	/* Knuth's MMIX generator; its upper half is the good one. */
	*state = *state * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) % below);
}

/* Those of the environment go first: a test's own have the last word. */
static size_t
support_add_options(struct config_override *overrides)
{
	static char text[256];
	const char *given = getenv("CRIER_TEST_OPTIONS");
	char *word, *rest = text;
	size_t n = 0;

	snprintf(text, sizeof text, "%s", given == NULL ? "" : given);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		assert_true(n < SUPPORT_SETTINGS);
		overrides[n++].text = word;
	}
	return n;
}

struct config *
support_config(const char *const *settings)
{
	struct config_override overrides[SUPPORT_SETTINGS];
	struct config *config;
	char *cause = NULL;
	size_t n = support_add_options(overrides);

	for (; settings != NULL && *settings != NULL; settings++) {
		assert_true(n < SUPPORT_SETTINGS);
		overrides[n++].text = *settings;
	}
	config = config_load(NULL, overrides, n, &cause);
	if (config == NULL)
		fail_msg("%s", cause);
	return config;
}

static void
support_put(struct buffer *b, const void *data, size_t len)
{
	assert_int_equal(buffer_append(b, data, len), 0);
}

static void
support_event_cb(const struct sse_event *e, void *arg)
{
	struct buffer *b = arg;

	support_put(b, "<", 1);
	support_put(b, e->last_id, e->last_id_len);
	support_put(b, "|", 1);
	support_put(b, e->type, e->type_len);
	support_put(b, "|", 1);
	support_put(b, e->data, e->data_len);
	support_put(b, ">", 1);
}

static void
support_retry_cb(uint64_t ms, void *arg)
{
	assert_int_equal(buffer_printf(arg, "r=%llu", (unsigned long long)ms),
	    0);
}

static void
support_comment_cb(const char *text, size_t len, void *arg)
{
	support_put(arg, ":", 1);
	support_put(arg, text, len);
}

struct buffer
support_parse(const char *stream, size_t len, size_t step, int may_end_within)
{
	struct buffer text = { 0 };
	struct sse_sink sink = { support_event_cb, support_retry_cb,
		support_comment_cb, &text };
	struct sse_parser *parser = sse_parser_new(&sink);
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		sse_parser_feed(parser, stream + i, n);
	}
	if (!may_end_within)
		assert_int_equal(sse_parser_pending(parser), 0);
	sse_parser_free(parser);
	support_put(&text, "", 1);
	buffer_truncate(&text, text.len - 1);
	return text;
}
