/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_ANSWER_H
#define CRIER_APACHE_ANSWER_H

#include <httpd.h>

/* What the module itself answers, in crierd's place. */

/* Milliseconds after which a client comes again; no two the same. */
unsigned answer_retry_ms(void);

/* Whether the client says that it takes an event stream. */
int answer_wants_stream(const request_rec *);

/*
 * Each returns what the handler returns.
 *
 * An empty event stream, 200, that asks to come again: any other status would
 * end an EventSource for good.  why becomes a comment in it.
 */
int answer_later(request_rec *, const char *why);

/* crierd is not there: as above for a GET that takes a stream, else 503. */
int answer_down(request_rec *);

/* {"ok":false,"error":...}, as crierd's own refusals; error is plain ASCII. */
int answer_refusal(request_rec *, int status, const char *error);

#endif
