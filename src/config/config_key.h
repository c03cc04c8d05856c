/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_KEY_H
#define CRIER_CONFIG_CONFIG_KEY_H

#include <stdbool.h>

#include "config/config.h"

/* A key that tokens are checked with, and the algorithms that it may be for. */

/* The names of enum config_algorithm, and how an error names them. */
extern const char *const config_algorithms[CONFIG_ALGORITHMS];
#define CONFIG_ALGORITHM_FORM \
	"HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512"

/*
 * Reads a key from its text or its file: for HS256 and its like a secret, as
 * it is or behind "base64:" or "hex:", a file's without the line end behind
 * it; for the others a public key in PEM (RFC 7468, 13), or, to make tokens
 * with, a private one.  0, or -1 with *cause, the caller's (NULL when out of
 * memory), and errno = EACCES if the file must not be read.  In both cases
 * *warning, the caller's, is NULL or what is odd.
 */
int config_key_read(struct config_token_key *, bool is_private, char **cause,
    char **warning);

/* Frees what the key has, and overwrites its secrets. */
void config_key_clear(struct config_token_key *);

#endif
