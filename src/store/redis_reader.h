/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_READER_H
#define CRIER_STORE_REDIS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

/*
 * hiredis' parser of replies, with bounds: hiredis takes an array of two
 * thousand million elements at its word, and keeps a string for as long as it
 * comes.  Here a whole reply has at most so many bytes and so many elements,
 * nested ones among them; whatever has more is an error.
 */
struct redis_reader {
	redisReader *parser;
	redisReplyObjectFunctions functions;      /* ours, before its own */
	const redisReplyObjectFunctions *hiredis; /* its own functions */
	size_t max_bytes, max_elements;
	size_t bytes, elements; /* of the reply that is being read */
	const char *wrong;      /* "": nothing was */
};

/* 0, or -1 (memory). */
int
redis_reader_init(struct redis_reader *, size_t max_bytes, size_t max_elements);
void redis_reader_clear(struct redis_reader *);

/* Bytes that came: 0, or -1 and reader->wrong. */
int redis_reader_feed(struct redis_reader *, const char *bytes, size_t len);

/*
 * *reply is the next whole reply, for freeReplyObject(), or NULL: more is
 * needed.  0, or -1 and reader->wrong.
 */
int redis_reader_next(struct redis_reader *, redisReply **);

#endif
