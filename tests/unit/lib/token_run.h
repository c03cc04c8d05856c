/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Tokens, and what they come to by a configuration with their keys. */
#ifndef CRIER_TESTS_TOKEN_RUN_H
#define CRIER_TESTS_TOKEN_RUN_H

#include <jwt.h>
#include <stddef.h>

#include "config/config.h"
#include "request/token.h"

#define TOKEN_RUN_SECRET_1 "0123456789abcdef0123456789abcdef"
#define TOKEN_RUN_SECRET_2 "fedcba9876543210fedcba9876543210"
#define TOKEN_RUN_NOW_MS   UINT64_C(1800000000000) /* when tokens are read */

/* Of a group: a directory with the public keys in files "rsa" and "ec". */
int token_run_setup(void **state);
int token_run_teardown(void **state);

/*
 * A configuration; one '@' in it is the directory of the keys.  The caller's.
 */
struct config *token_run_config(const char *text);

/*
 * A token of these claims and headers (NULL: no more than what must be),
 * signed; for free().
 */
char *token_run_sign(jwt_alg_t, const char *key, const char *claims,
    const char *headers);

/* NULL, and the token is the caller's; or why it is refused. */
const char *token_run_read(const struct config *, const char *text, size_t len,
    struct token *);

/* Expects this of a token (NULL: it is accepted), and frees its text. */
void token_run_expect(const struct config *, char *text, const char *want);

#endif
