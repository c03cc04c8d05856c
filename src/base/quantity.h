/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_QUANTITY_H
#define CRIER_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* Sizes, times, flags and modes as people write them.  All are pure. */

#define QUANTITY_HOUR_MS UINT64_C(3600000)
#define QUANTITY_DAY_MS  (24 * QUANTITY_HOUR_MS)
#define QUANTITY_YEAR_MS (366 * QUANTITY_DAY_MS) /* the longest */

/* What is not over by itself. */
#define QUANTITY_FOREVER_MS (UINT64_MAX - 1)

enum {
	QUANTITY_TEXT_SIZE = 32 /* for the quantity_format functions */
};

/* A whole number, or one with K, M or G (2^10, 2^20, 2^30) behind it. */
bool quantity_parse_size(const char *text, uint64_t *bytes);

/* Seconds with up to three decimals, as milliseconds. */
bool quantity_parse_seconds(const char *text, uint64_t *ms);

/* The same up to a year, or the word "forever". */
bool quantity_parse_linger(const char *text, uint64_t *ms);

/* true, yes and on are 1; false, no and off are 0. */
bool quantity_parse_flag(const char *text, uint64_t *flag);

/* Permission bits in octal, up to 0777. */
bool quantity_parse_mode(const char *text, uint64_t *mode);

/* The reverse of the above: the shortest form that reads back the same. */
void quantity_format_size(uint64_t bytes, char to[QUANTITY_TEXT_SIZE]);
void quantity_format_seconds(uint64_t ms, char to[QUANTITY_TEXT_SIZE]);
void quantity_format_linger(uint64_t ms, char to[QUANTITY_TEXT_SIZE]);

#endif
