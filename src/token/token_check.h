/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TOKEN_TOKEN_CHECK_H
#define CRIER_TOKEN_TOKEN_CHECK_H

struct token_options;

/*
 * Reads a token from standard input and prints what it is good for, as JSON.
 * 0, or the exit code after a message that says why it is not good.
 */
int token_check(const struct token_options *);

#endif
