/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a Redis says: replies, of which each is taken for an answer of read.lua,
 * and each text in them for a header, for a run, and, behind the text before
 * it, for an entry of the log.
 */
#include "fuzz.h"

#include <string.h>

#include "store/redis_entry.h"
#include "store/redis_part.h"
#include "store/redis_reader.h"

const char *const fuzz_name = "redis";

enum {
	FUZZ_PIECE = 7, /* bytes that come at once */
	FUZZ_REPLY_BYTES = 65536,
	FUZZ_ELEMENTS = 1000,
	FUZZ_DEPTH = 16 /* more than a reader lets through */
};

#define FUZZ_NOW_MS UINT64_C(1800000000000)

struct fuzz_texts {
	struct redis_header header; /* the last that was one */
	bool has_header;
};

static void
fuzz_run(const char *text, size_t len)
{
	const char *at = text;
	size_t left = len;
	struct redis_event e;

	while (redis_run_next(&at, &left, &e)) {
		fuzz_check(e.record >= text && e.record_len <= len &&
		    e.record + e.record_len <= text + len);
		fuzz_check(e.own_id_len < e.record_len || e.own_id_len == 0);
		fuzz_check(at + left == text + len);
	}
}

static void
fuzz_entry(const struct redis_header *header, const char *text, size_t len)
{
	static const struct redis_now now = { 1000, FUZZ_NOW_MS };
	const char *why = NULL;
	struct batch *b = redis_entry_read(header, text, len, &now, &why);
	size_t i;

	if (b == NULL) {
		fuzz_check(why != NULL);
		return;
	}
	fuzz_check(b->event_count == header->count);
	for (i = 0; i < b->event_count; i++)
		fuzz_check(b->events[i].channel_count > 0 &&
		    b->events[i].channel_first + b->events[i].channel_count <=
			b->channel_count &&
		    b->events[i].record_off + b->events[i].record_len <=
			b->bytes.len);
	for (i = 0; i < b->channel_count; i++)
		fuzz_check(b->channels[i].name >= text &&
		    b->channels[i].name + b->channels[i].name_len <=
			text + len);
	batch_free(b);
}

static void
fuzz_text(struct fuzz_texts *texts, const char *text, size_t len)
{
	struct redis_list_header list;

	if (texts->has_header)
		fuzz_entry(&texts->header, text, len);
	fuzz_run(text, len);
	redis_list_header_read(text, len, &list);
	texts->has_header = redis_header_read(text, len, &texts->header);
	if (texts->has_header) {
		fuzz_check(texts->header.count <= REDIS_ENTRY_EVENTS);
		fuzz_check(memchr(texts->header.node, '\0',
			       sizeof texts->header.node) != NULL);
	}
}

/* All texts of a reply, in their order. */
static void
fuzz_texts(struct fuzz_texts *texts, const redisReply *reply)
{
	struct {
		const redisReply *array;
		size_t next;
	} within[FUZZ_DEPTH] = { { reply, 0 } };
	const redisReply *r;
	size_t depth = 1;

	if (reply->type == REDIS_REPLY_STRING)
		fuzz_text(texts, reply->str, reply->len);
	if (reply->type != REDIS_REPLY_ARRAY)
		return;
	while (depth > 0) {
		if (within[depth - 1].next ==
		    within[depth - 1].array->elements) {
			depth--;
			continue;
		}
		r = within[depth - 1].array->element[within[depth - 1].next++];
		if (r->type == REDIS_REPLY_STRING)
			fuzz_text(texts, r->str, r->len);
		if (r->type != REDIS_REPLY_ARRAY)
			continue;
		fuzz_check(depth < FUZZ_DEPTH);
		within[depth].array = r;
		within[depth++].next = 0;
	}
}

/* The reply, twice: as a first answer, and as one that goes on. */
static void
fuzz_part(struct store_redis *store, const redisReply *reply, bool has_last)
{
	struct store_range range = {
		.name = "a", .keep = 3, .keep_bytes = 100, .keep_ms = 60000
	};
	struct store_read read = { .ranges = &range,
		.range_count = 1,
		.upto = { FUZZ_NOW_MS, 0 },
		.has_last = has_last,
		.last = 2 };
	struct redis_part part;
	int i, rc;

	redis_part_begin(&part, store, &read, &range);
	for (i = 0; i < 2; i++) {
		rc = redis_part_take(&part, &range, reply);
		fuzz_check(rc >= -1 && rc <= 1);
		if (rc == -1)
			break;
		for (; part.has_event; redis_part_next(&part, &range)) {
			fuzz_check(id_cmp(part.id, read.upto) <= 0);
			fuzz_check(part.event.record >= part.runs.data &&
			    part.event.record + part.event.record_len <=
				part.runs.data + part.runs.len);
		}
		fuzz_check(id_cmp(part.floor, read.upto) <= 0);
	}
	redis_part_clear(&part);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store_redis store;
	struct fuzz_texts texts = { 0 };
	struct redis_reader reader;
	redisReply *reply = NULL;
	size_t at = 0, len;
	int rc = 0;

	store.cuts[0] = (struct redis_cut){ { 5, 0 }, { 7, 0 } };
	store.cut_count = 1;
	fuzz_check(redis_reader_init(&reader, FUZZ_REPLY_BYTES,
		       FUZZ_ELEMENTS) == 0);
	for (; rc == 0 && at < size; at += len) {
		len = size - at < FUZZ_PIECE ? size - at : FUZZ_PIECE;
		rc = redis_reader_feed(&reader, (const char *)data + at, len);
		while (rc == 0 &&
		    (rc = redis_reader_next(&reader, &reply)) == 0 &&
		    reply != NULL) {
			fuzz_texts(&texts, reply);
			fuzz_part(&store, reply, false);
			fuzz_part(&store, reply, true);
			freeReplyObject(reply);
		}
	}
	fuzz_check(rc == 0 || *reader.wrong != '\0');
	redis_reader_clear(&reader);
	return 0;
}
