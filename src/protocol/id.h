/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_ID_H
#define CRIER_PROTOCOL_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An event's place in the one order of all channels: milliseconds of the wall
 * clock and a number within them.  Written `<ms>-<n>`, which is also the form
 * of Redis Streams ids, and needs no CORS preflight in Last-Event-ID.
 */
struct id {
	uint64_t ms;
	uint64_t n;
};

enum {
	ID_TEXT_SIZE = 42
}; /* two 20-digit numbers, '-', NUL */

/* < 0, 0, > 0 as a is before, at, after b. */
int id_cmp(struct id a, struct id b);

/*
 * The id that follows last at wall-clock time now_ms: always greater than
 * last, also when the clock was set back.
 */
struct id id_next(struct id last, uint64_t now_ms);

/* Writes the text form and a NUL; returns its length. */
size_t id_format(struct id, char text[ID_TEXT_SIZE]);

/* Reads exactly `digits-digits`, each below 2^64; false for all else. */
bool id_parse(const char *text, size_t len, struct id *);

#endif
