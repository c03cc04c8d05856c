/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * One harness per parser. It is linked either with libFuzzer, which makes
 * inputs up, or with replay.c, which feeds it the files of its corpus.
 */
#ifndef CRIER_TESTS_FUZZ_H
#define CRIER_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The folder of its inputs below tests/fuzz/corpus. */
extern const char *const fuzz_name;

/* Feeds one input; ends the program where the parser is wrong. The name is
 * libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
fuzz_judge(bool good, const char *file, int line, const char *condition)
{
	if (good)
		return;
	fprintf(stderr, "# %s:%d: not so: %s\n", file, line, condition);
	abort();
}

/* Like assert(), in every build. */
#define fuzz_check(condition) \
	fuzz_judge((condition), __FILE__, __LINE__, #condition)

#endif
