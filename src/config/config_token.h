/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_TOKEN_H
#define CRIER_CONFIG_CONFIG_TOKEN_H

#include "config/config.h"
#include "config/config_setting.h"

/* The `token` sections, one for each key, and what is made of them. */

enum {
	CONFIG_TOKENS_MAX = 64 /* sections */
};

/* What a section may say, a row without a name behind them. */
extern const struct config_setting config_token_settings[];

/*
 * NULL, or what is wrong with a setting or section of this name: it is about
 * tokens, and this program was built without them.
 */
const char *config_token_wrong_setting(const char *name);

/*
 * Adds an empty key, whose algorithm is CONFIG_UNSET: the one of the top level.
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
