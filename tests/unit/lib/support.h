/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What the unit tests share. */
#ifndef CRIER_TESTS_SUPPORT_H
#define CRIER_TESTS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/config.h"

/*
 * A copy of the bytes that ends where a page begins which may not be touched:
 * whoever reads behind its input crashes.  Valid until the next call.
 */
const char *support_guard(const void *data, size_t len);

/*
 * Whether valgrind runs the test: it has limits of descriptors and ways of
 * starting programs of its own.
 */
bool support_is_valgrind(void);

/* The next of a sequence that the seed in *state determines; [0, below). */
uint32_t support_random(uint64_t *state, uint32_t below);

/*
 * The defaults, changed by NAME=VALUE settings, those of $CRIER_TEST_OPTIONS
 * (between spaces) and then these up to a NULL.
 */
struct config *support_config(const char *const *settings);

/*
 * What the reference parser makes of a stream, fed in pieces of step bytes:
 * `<id|type|data>` for each event (a last event ID stays until it changes),
 * `r=MS` for each retry, `:text` for each comment.  The caller's to clear;
 * terminated.  Fails the test if the stream ends within a block, unless
 * may_end_within.
 */
struct buffer
support_parse(const char *stream, size_t len, size_t step, int may_end_within);

#endif
