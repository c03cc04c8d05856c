/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_ENTRY_H
#define CRIER_STORE_REDIS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/id.h"
#include "store/batch.h"

/*
 * What nodes write to a Redis, taken apart.  All numbers are big-endian.
 *
 * An entry of the log has a header and a blob.  The header: the batch's first
 * id (ms u64, n u32), how many events (u32; 0: it is no batch), the id of the
 * entry before (ms u64, n u32), and "NODE SEQ" of the batch.  The blob has a
 * section for each channel: its rule (u16; 0: not kept), the lengths of its
 * name (u16) and of its run (u32), the run's events (u32) and its last event's
 * offset (u32), the name, the run.  A run is a channel's events: offset in the
 * batch (u32), when it expires by the Redis' clock, in ms (u64; 0: never),
 * length of a publisher's own id (u16) and of the record (u32), the record,
 * which has a line `id:` if the id is a publisher's own.
 *
 * A channel's list has runs, each behind a header: the id of its last event
 * (ms u64, n u32), the n of its batch's first (u32), the events (u64) and bytes
 * (u64) of the channel so far, and the id of the run before (ms u64, n u32).
 *
 * All of it comes from outside: nothing is taken at its word.
 */

enum {
	REDIS_HEADER_BYTES = 28, /* of an entry, without its name */
	REDIS_SECTION_BYTES = 16,
	REDIS_EVENT_BYTES = 18,
	REDIS_LIST_HEADER_BYTES = 44,
	REDIS_ENTRY_EVENTS = 65536,        /* no entry has more */
	REDIS_RECORD_MAX = (16 << 20) - 1, /* bytes of a record: a history's */
	REDIS_NODE_SIZE = 33               /* of a node's name, with its NUL */
};

struct redis_header {
	struct id first;
	uint32_t count;
	struct id before;
	char node[REDIS_NODE_SIZE]; /* "": it is no batch */
	uint64_t seq;
};

struct redis_list_header {
	struct id last, first;
	uint64_t events, bytes;
	struct id before;
};

struct redis_event {
	uint32_t offset;
	uint64_t expires_ms;
	const char *record;
	size_t record_len, own_id_len;
};

/* False: it is none. */
bool redis_header_read(const char *text, size_t len, struct redis_header *);
bool redis_list_header_read(const char *text, size_t len,
    struct redis_list_header *);

/* The id that stands at the front of 12 bytes. */
struct id redis_id_read(const char *text);

/*
 * Takes the run's next event, and moves *run behind it.  False at its end, or
 * if what is left is no event: then *len is not 0.
 */
bool redis_run_next(const char **run, size_t *len, struct redis_event *);

/* What an entry's times are to be told by. */
struct redis_now {
	uint64_t ms;       /* the monotonic clock */
	uint64_t redis_ms; /* Redis' clock */
};

/*
 * The entry's events, with ids, as a batch whose names point into the blob; or
 * NULL: it is no blob, or there is no memory (*why).
 */
struct batch *redis_entry_read(const struct redis_header *, const char *blob,
    size_t len, const struct redis_now *, const char **why);

#endif
