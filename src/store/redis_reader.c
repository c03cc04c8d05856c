/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "store/redis_reader.h"

enum {
	REDIS_READER_LINE_MAX = 64 * 1024, /* of an error, say */
	REDIS_READER_NUMBER_MAX = 32,      /* a length, and its line's end */
	REDIS_READER_DEPTH_MAX = 8         /* arrays within each other */
};

/* The type of an array's length as hiredis passes it. */
#if HIREDIS_MAJOR >= 1
#define REDIS_READER_COUNT size_t
#else
#define REDIS_READER_COUNT int
#endif

/* Counts what a reply is about to get; false: it may not have so much. */
static bool
redis_reader_allow(struct redis_reader *r, size_t bytes, size_t elements)
{
	r->bytes += bytes;
	r->elements += elements;
	if (r->bytes <= r->max_bytes && r->elements <= r->max_elements)
		return true;
	r->wrong = "a reply is too large";
	return false;
}

static void *
redis_reader_string(const redisReadTask *task, char *text, size_t len)
{
	struct redis_reader *r = task->privdata;

	return redis_reader_allow(r, len, 0)
	    ? r->hiredis->createString(task, text, len)
	    : NULL;
}

static void *
redis_reader_array(const redisReadTask *task, REDIS_READER_COUNT count)
{
	struct redis_reader *r = task->privdata;
	const redisReadTask *outer;
	unsigned depth = 0;

	/* hiredis 1.x nests without a bound, and frees by recursion. */
	for (outer = task; outer != NULL; outer = outer->parent)
		if (++depth > REDIS_READER_DEPTH_MAX) {
			r->wrong = "it nests deeper than Redis' protocol";
			return NULL;
		}
	return redis_reader_allow(r, 0, (size_t)count)
	    ? r->hiredis->createArray(task, count)
	    : NULL;
}

int
redis_reader_init(struct redis_reader *r, size_t max_bytes, size_t max_elements)
{
	memset(r, 0, sizeof *r);
	r->wrong = "";
	r->max_bytes = max_bytes;
	r->max_elements = max_elements;
	if ((r->parser = redisReaderCreate()) == NULL)
		return -1;
	r->hiredis = r->parser->fn;
	r->functions = *r->hiredis;
	r->functions.createString = redis_reader_string;
	r->functions.createArray = redis_reader_array;
	r->parser->fn = &r->functions;
	r->parser->privdata = r;
	return 0;
}

void
redis_reader_clear(struct redis_reader *r)
{
	if (r->parser != NULL)
		redisReaderFree(r->parser);
	r->parser = NULL;
}

/*
 * Whether what is left is worth waiting for.  hiredis looks for a line's end
 * from its beginning each time, so a line that never ends would cost more and
 * more.
 */
static bool
redis_reader_may_wait(struct redis_reader *r)
{
	size_t left = r->parser->len - r->parser->pos;
	const char *text = r->parser->buf + r->parser->pos;

	if (left > REDIS_READER_LINE_MAX &&
	    memmem(text, REDIS_READER_NUMBER_MAX, "\r\n", 2) == NULL)
		r->wrong = "a line of a reply is too long";
	else if (left + r->bytes > r->max_bytes + REDIS_READER_LINE_MAX)
		r->wrong = "a reply is too large";
	return *r->wrong == '\0';
}

int
redis_reader_feed(struct redis_reader *r, const char *bytes, size_t len)
{
	if (redisReaderFeed(r->parser, bytes, len) == REDIS_OK)
		return 0;
	r->wrong = "out of memory";
	return -1;
}

int
redis_reader_next(struct redis_reader *r, redisReply **reply)
{
	void *whole = NULL;
	int rc = redisReaderGetReply(r->parser, &whole);

	*reply = whole;
	if (rc != REDIS_OK) {
		if (*r->wrong == '\0')
			r->wrong = "what it says is not Redis' protocol";
		return -1;
	}
	if (whole == NULL)
		return redis_reader_may_wait(r) ? 0 : -1;
	r->bytes = r->elements = 0;
	return 0;
}
