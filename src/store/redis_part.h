/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_PART_H
#define CRIER_STORE_REDIS_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "base/buffer.h"
#include "store/redis.h"

/*
 * One channel's part of a read: the runs that the script read.lua answered,
 * and where in them the merge is.
 */
struct redis_part {
	const struct store_redis *store;
	const struct store_read *read;
	struct id after;        /* where it begins, and is read on */
	uint64_t last;          /* events that are asked, with expired ones */
	struct id begin;        /* before its last events, if they are asked */
	struct id floor;        /* events up to here are not retained */
	bool is_read, has_more; /* anything; behind the runs that are here */
	struct buffer runs;     /* of each, its header, its length, itself */
	size_t at;              /* in the runs: behind the one that it is in */
	uint64_t events, bytes; /* of the channel, up to the read's end */

	/* The run that it is in, and the event in it. */
	struct redis_list_header header;
	const char *run;
	size_t run_left;
	uint64_t rank; /* how many events there are from it to the end */
	struct redis_event event;
	struct id id;
	bool has_event;
};

/* Where the part begins, and what is not retained before. */
void redis_part_begin(struct redis_part *, const struct store_redis *,
    const struct store_read *, const struct store_range *);
void redis_part_clear(struct redis_part *);

/*
 * An answer of read.lua: 0, or -1 (memory, or it is none).  1: it was read
 * before, and what followed was trimmed meanwhile; then it wants to be read
 * anew.
 */
int redis_part_take(struct redis_part *, const struct store_range *,
    const redisReply *);

/* Moves to the next event that may be sent; has_event says if there is one. */
void redis_part_next(struct redis_part *, const struct store_range *);

/* Whether its runs are over, and more can be read. */
bool redis_part_wants(const struct redis_part *);

#endif
