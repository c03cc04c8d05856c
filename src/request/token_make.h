/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_TOKEN_MAKE_H
#define CRIER_REQUEST_TOKEN_MAKE_H

#include <stdint.h>

#include "config/config.h"

/* What a token is to say. */
struct token_order {
	const char *user;                      /* NULL: nobody */
	struct config_list subscribe, publish; /* patterns that are good */
	uint64_t now_s, ttl_s;                 /* Unix time, and for how long */
};

/*
 * A token that is signed with the key (config_key_read; a private one but for
 * HS256 and its like), for free(); NULL with *why, a constant.
 */
char *token_make(const struct config_token_key *, const struct token_order *,
    const char **why);

#endif
