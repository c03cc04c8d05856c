/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_JSON_H
#define CRIER_BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buffer.h"

/*
 * Building JSON objects where memory may run out: json-c itself asserts that
 * its arguments are there.  Here an object may be NULL, what is added to it is
 * then freed, and json_append says in the end that something was missing.
 */

/* Adds a member; takes value, of which NULL is JSON's null. */
void
json_add(struct json_object *, const char *name, struct json_object *value);
void json_add_number(struct json_object *, const char *name, uint64_t);
void json_add_text(struct json_object *, const char *name, const char *text,
    size_t len);

/*
 * Appends the object as one line without its end, and frees it.  0, or -1
 * (memory): nothing is appended.
 */
int json_append(struct buffer *, struct json_object *);

#endif
