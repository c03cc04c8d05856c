/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_INFO_H
#define CRIER_STORE_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>

/* What a Redis says of itself: the text that INFO answers.  Does no I/O. */

enum {
	REDIS_INFO_WHY_SIZE = 160
};

/* A line's value, cut if it is too long: false, if there is no such line. */
bool redis_info_find(const char *info, const char *name, char *to, size_t size);

/* What is wrong with a server for crier (perhaps in `why`), or NULL. */
const char *redis_info_wrong(const char *info, char why[REDIS_INFO_WHY_SIZE]);

#endif
