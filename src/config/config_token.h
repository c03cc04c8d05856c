/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_TOKEN_H
#define CRIER_CONFIG_CONFIG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/config_setting.h"

/* The `token` sections, one for each key, and what is made of them. */

enum {
	CONFIG_TOKEN_SETTINGS = 3,
	CONFIG_TOKENS_MAX = 64 /* sections */
};

#define CONFIG_ALGORITHM_FORM \
	"HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512"

/* The names of enum config_algorithm. */
extern const char *const config_algorithms[CONFIG_ALGORITHMS];

/* What a section has; offsets are in struct config_token_key. */
extern const struct config_setting config_token_settings[CONFIG_TOKEN_SETTINGS];

/* Whether this program knows nothing of tokens, and the setting is of them. */
bool config_token_wrong_setting(const char *name, char why[CONFIG_WHY_SIZE]);

/*
 * Adds an empty key, whose algorithm is UINT64_MAX: the one of the top level.
 * NULL: no memory.
 */
struct config_token_key *config_token_add(struct config *, const char *kid);

/*
 * Reads all keys, the top level's among them, when all else is set; notes
 * warnings.  file is what it was read from, for messages, or NULL.  0, or -1
 * with *cause, the caller's (NULL when out of memory).
 */
int config_token_load(struct config *, const char *file, char **cause);

/* Frees the keys and the warnings. */
void config_token_free(struct config *);

#endif
