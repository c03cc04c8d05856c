/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_FCGI_H
#define CRIER_DOOR_FCGI_H

#include <stddef.h>

#include "request/request.h"

/* Once, before any signal handler of our own: libfcgi installs its own. */
void fcgi_init(void);

/*
 * Decodes the parameters of a request (what the gate gathered, so that the
 * lengths in them add up) with libfcgi into the request's variables.  Never
 * blocks.  0, or -1: malformed, or out of memory.
 */
int fcgi_decode(const char *params, size_t len, struct request *);

#endif
