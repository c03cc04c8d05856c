/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "history_run.h"

static const uint64_t history_run_key[2] = { 1, 2 };
struct history_shared history_run_shared = { .key = history_run_key };

void
history_run_add(struct history *h, uint64_t ms, size_t len, char fill)
{
	struct history_note note = { .id = { ms, 0 }, .added_ms = ms };
	char *record = malloc(len);

	assert_non_null(record);
	memset(record, fill, len);
	assert_int_equal(history_prepare(h, len), 0);
	history_append(h, &note, record, len);
	free(record);
}

void
history_run_trim(struct history *h, uint64_t count, uint64_t bytes,
    uint64_t oldest)
{
	struct history_limits limits = { count, bytes, oldest };

	history_trim(h, &limits);
}
