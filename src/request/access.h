/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ACCESS_H
#define CRIER_REQUEST_ACCESS_H

#include <stdbool.h>

#include "base/text.h"
#include "config/config.h"
#include "request/token.h"

struct request;

/* Who may subscribe and publish over HTTP. */

enum access_operation {
	ACCESS_SUBSCRIBE,
	ACCESS_PUBLISH,
	ACCESS_STOP /* what runs there: who may publish, and the owner */
};

enum access_result {
	ACCESS_GRANTED,
	ACCESS_LOGIN, /* 401: nobody is authenticated, which could help */
	ACCESS_DENIED /* 403 */
};

/*
 * Whether the rule of a channel (config_match_channel) lets somebody in.  user
 * is who they are (access_user), or ""; token is NULL if there is none.  Pure.
 */
enum access_result
access_check(const struct config_channel *rule, enum access_operation,
    struct text_span channel, const char *user, const struct token *token);

/*
 * Who is asking.  A token that cannot be accepted is as good as none, so that
 * an old cookie closes no channel that is open to anyone; the reason is for the
 * answer to a request that is refused.
 */
struct access_who {
	const char *user; /* of the web server, or the token's; or "" */
	struct token token;
	bool has_token;
	const char
	    *why; /* a token was refused: follows "the token "; or NULL */
};

/*
 * Finds out who is asking by a request, within which user may point.  0, or -1:
 * no memory.  access_clear follows in both cases.
 */
int access_identify(const struct request *, const struct config *,
    uint64_t now_ms, struct access_who *);

/* Asks the rule of a channel (access_check), which its name decides. */
enum access_result access_decide(const struct access_who *,
    const struct config *, enum access_operation, struct text_span channel);

void access_clear(struct access_who *);

#endif
