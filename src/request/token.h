/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_TOKEN_H
#define CRIER_REQUEST_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config.h"

struct request;

/*
 * Tokens (JWT, RFC 7519): who somebody is and what they may do, as the site
 * has signed it.  How a token is signed is for the configuration to say, never
 * for the token (RFC 8725, 3.1).
 */

enum {
	TOKEN_MAX = 8192,    /* bytes of a token */
	TOKEN_USER_MAX = 255 /* bytes of "sub" */
};

struct token {
	char *user; /* "sub"; NULL: none */
	char *kid;  /* of the key that signed it; NULL: none */
	struct config_list subscribe, publish; /* patterns */
	uint64_t expires_ms;                   /* wall clock; 0: never */
};

/*
 * Checks a token and reads it; now_ms is the wall clock.  0 and a token to be
 * cleared; or -1 with *why, a constant phrase that follows "the token " and
 * may be shown to its bearer, and an empty token.
 */
int token_read(const struct config *, struct text_span text, uint64_t now_ms,
    struct token *, const char **why);

/*
 * Reads the claims, JSON, of a token whose signature is right.  Returns what
 * token_read does.
 */
int token_read_claims(const struct config *, struct text_span, uint64_t now_ms,
    struct token *, const char **why);

void token_clear(struct token *);

/* Whether one of a token's patterns matches the name. */
bool token_names(const struct config_list *patterns, struct text_span name);

/*
 * The token that comes with a request: in the header Authorization (RFC 6750,
 * 2.1), else in the cookie, else in the query's parameter that the
 * configuration names.  1 with *text, the caller's; 0: there is none, or
 * there are no keys; -1: no memory.
 */
int token_find(const struct request *, const struct config *, char **text);

/* Whether a request has a token in the header Authorization. */
bool token_is_in_header(const struct request *);

#endif
