/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_COPY_H
#define CRIER_SOURCE_PROGRAM_COPY_H

#include "source/program.h"

/* A copy of what a program is started with, for later; or NULL (memory). */
struct program_options *program_copy(const struct program_options *);

/* NULL is allowed. */
void program_copy_free(struct program_options *);

#endif
