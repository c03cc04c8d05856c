/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Filling a history, and trimming it. */
#ifndef CRIER_TESTS_HISTORY_RUN_H
#define CRIER_TESTS_HISTORY_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "hub/history.h"

/* What a history is made with. */
extern struct history_shared history_run_shared;

/* Appends an event with the id ms-0 whose record is len bytes of fill. */
void history_run_add(struct history *, uint64_t ms, size_t len, char fill);

/* Trims by these limits, as struct history_limits has them. */
void history_run_trim(struct history *, uint64_t count, uint64_t bytes,
    uint64_t oldest);

#endif
