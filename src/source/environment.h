/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_ENVIRONMENT_H
#define CRIER_SOURCE_ENVIRONMENT_H

#include <stddef.h>

#include "request/request.h"

/* A variable more than a request has. */
struct environment_variable {
	const char *name, *value;
};

/*
 * Makes a program's environment: a PATH, these variables and, of the request
 * (or NULL), its user (REMOTE_USER) and the variables that a program may have.
 * The caller's, to be freed with environment_free; NULL (memory).
 */
char **environment_make(const struct request *,
    const struct environment_variable *, size_t count);

/* NULL is allowed. */
void environment_free(char **);

#endif
