/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_PUB_JSON_H
#define CRIER_COMPANION_PUB_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Whether all of text is JSON as RFC 8259 has it. */
bool pub_json_is_valid(const char *text);

/* Appends text as a JSON string; 0, or -1 for want of memory. */
int pub_json_append_string(struct buffer *, const char *text, size_t len);

/*
 * Appends a value that is JSON as it is, but on one line; any other as a
 * string.  0, or -1 for want of memory.
 */
int pub_json_append_value(struct buffer *, const char *value);

/*
 * Appends an object of count arguments NAME=VALUE.  0; -1 for want of memory;
 * or the number, from 1, of the one that is not of this form.
 */
int pub_json_append_object(struct buffer *, int count, char **pairs);

#endif
