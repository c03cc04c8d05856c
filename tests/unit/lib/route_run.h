/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Requests, and what they come to, as tables of texts. */
#ifndef CRIER_TESTS_ROUTE_RUN_H
#define CRIER_TESTS_ROUTE_RUN_H

#include <stddef.h>

#include "config/config.h"

struct route_case {
	const char *method, *uri;
	const char *type; /* Content-Type; NULL: none */
	const char *body; /* NULL: none */
	const char *want;
	const char *user;    /* REMOTE_USER; NULL: none */
	size_t body_len;     /* 0: the body ends with its NUL */
	const char *last_id; /* Last-Event-ID; NULL: none */
	const char *accept;  /* NULL: none */
};

/* Requests by their method, address and the rest. */
#define ASK(m, u, w)                                   \
	{                                              \
		.method = (m), .uri = (u), .want = (w) \
	}
#define GET(u, w) ASK("GET", u, w)
#define POST(t, u, b, w)                                                \
	{                                                               \
		.method = "POST", .uri = (u), .type = (t), .body = (b), \
		.want = (w)                                             \
	}
#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

/*
 * A configuration of a file with this text; the caller's.  NULL with *cause,
 * the caller's, in which the file's name is "F".
 */
struct config *route_run_config(const char *text, char **cause);

/* The same of a text that must be good. */
struct config *route_run_good(const char *text);

/*
 * Decides a request and writes what it came to, which route_run_all compares:
 * "STATUS ERROR (ALLOW)"; "options (ALLOW)"; else the kind with channels as
 * [NAME]..., and `field=TEXT` for all that is set besides; of publish last
 * "reply=TEXT", with the id "7-0" and 3 streams, and its type if that is not
 * JSON.
 */
void route_run_decide(const struct config *, const struct route_case *,
    char *have, size_t size);

/* Fails the test at the first case that is not as it should be. */
void route_run_all(const struct config *, const struct route_case *cases,
    size_t count);

#define ROUTE_RUN_ALL(config, cases) \
	route_run_all(config, cases, sizeof(cases) / sizeof *(cases))

#endif
