/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_RECORD_H
#define CRIER_COMPANION_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * One event in a spool's journal, a line:
 *
 *     STATE CHECKSUM KEPT-AT EXPIRES KEY JSON
 *
 * STATE is one letter that is overwritten in place, so it is not in the
 * checksum, which is of all behind it (FNV-1a, 64 bits, in hexadecimal).
 * KEPT-AT is milliseconds of the spool's clock (spool_clock.h), EXPIRES
 * milliseconds from then on (0: never).  JSON is the event as it was published,
 * without a key.
 */

enum spool_state {
	SPOOL_KEPT = 'K',
	SPOOL_SENT = 'S',
	SPOOL_REFUSED = 'R', /* refused for good, and put aside */
	SPOOL_EXPIRED = 'X'
};

enum {
	SPOOL_KEY_MAX = 64,    /* bytes of a key that crier makes */
	SPOOL_HEADER_MAX = 160 /* bytes before the JSON */
};

struct spool_record {
	enum spool_state state;
	uint64_t kept_ms, expires_ms;
	const char *key, *json; /* borrowed */
	size_t key_len, json_len;
};

/* Appends a record, its newline included.  0, or -1 for want of memory. */
int spool_record_append(struct buffer *, const struct spool_record *);

/*
 * Reads a line without its newline; the pointers point into it.  False if it
 * is damaged.  Of a record that is not SPOOL_KEPT only the state is read.
 */
bool spool_record_parse(const char *line, size_t len, struct spool_record *);

/*
 * Appends what the queue is sent for the event at now_ms of the spool's clock:
 * the JSON with the key, and what is left of the seconds until it expires.  1;
 * 0 if it has expired: nothing is appended; -1 for want of memory.
 */
int spool_record_append_line(struct buffer *, const struct spool_record *,
    uint64_t now_ms);

/*
 * Whether crierd can take an event, as far as it can be known without it; sets
 * *expires_ms.  0, or the exit code and in why what is wrong.
 */
int spool_record_check(const char *json, size_t len, uint64_t *expires_ms,
    char *why, size_t why_size);

#endif
