/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TOKEN_TOKEN_ISSUE_H
#define CRIER_TOKEN_TOKEN_ISSUE_H

struct token_options;

/*
 * Prints a token as the options order it, signed with the key that they choose,
 * if crierd would accept it.  0, or the exit code after a message.
 */
int token_issue(const struct token_options *);

#endif
