/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_JSON_H
#define CRIER_BASE_JSON_H

#include <stdbool.h>
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

/* The same of a text; what of it is not UTF-8 is escaped as text_escape does.
 */
void json_add_text(struct json_object *, const char *name, const char *text,
    size_t len);

/*
 * Appends the object as one line without its end, and frees it.  0, or -1
 * (memory): nothing is appended.
 */
int json_append(struct buffer *, struct json_object *);

/*
 * Reads a text that is one JSON value and nothing else, at most so deep: 1 and
 * the value, the caller's (NULL is null); 0: it is no JSON (RFC 8259) in
 * UTF-8, or has a NUL; -1: out of memory.
 */
int json_parse(const char *text, size_t len, int depth, struct json_object **);

/*
 * NULL, or what is wrong with a number in the value, as a phrase: json-c takes
 * an integer that is too large for the largest there is, and what is no JSON
 * (RFC 8259, 6), such as NaN, 1. and -.5, for numbers.
 */
const char *json_wrong_number(struct json_object *);

#endif
