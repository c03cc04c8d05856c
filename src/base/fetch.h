/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_FETCH_H
#define CRIER_BASE_FETCH_H

#include <stddef.h>

enum {
	FETCH_LINE = 64 /* bytes of a processor's cache line */
};

/*
 * Has the processor fetch so many bytes from memory while it does something
 * else.  Fetching is no access, so the address may be invalid.
 */
static inline void
fetch_ahead(const void *from, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += FETCH_LINE)
		__builtin_prefetch((const char *)from + at);
	__builtin_prefetch((const char *)from + len - 1);
}

#endif
