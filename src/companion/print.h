/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_PRINT_H
#define CRIER_COMPANION_PRINT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Prints a line.  A terminal would act on control characters that a publisher
 * has sent (U+0080 to U+009F are some, too), so there they are escaped as in
 * JSON; lines stay lines, and tabs tabs.  False: it failed.
 */
bool print_line(bool is_terminal, const char *text, size_t len);

/* The exit code when printing failed: a reader that has enough is no error. */
int print_failed(void);

#endif
