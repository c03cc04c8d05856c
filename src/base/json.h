/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_JSON_H
#define CRIER_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buffer.h"
#include "base/text.h"

/*
 * Building JSON objects where memory may run out: json-c itself asserts that
 * its arguments are there.  Here an object may be NULL, what is added to it is
 * then freed, and json_append says in the end that something was missing.
 */

/* Adds a member; takes value, of which NULL is JSON's null. */
void
json_add(struct json_object *, const char *name, struct json_object *value);

/*
 * Adds a value that was just made: NULL means that there was no memory for it,
 * where to json_add it is JSON's null.
 */
void json_add_value(struct json_object *, const char *name,
    struct json_object *value);
void json_add_number(struct json_object *, const char *name, uint64_t);

void json_add_flag(struct json_object *, const char *name, bool);

/* Texts; bytes that are not UTF-8 are escaped as text_escape does. */
void json_add_string(struct json_object *, const char *name, const char *text);
void json_add_text(struct json_object *, const char *name, const char *text,
    size_t len);

/* The value as one line of JSON, the value's own; NULL: no memory. */
const char *json_line(struct json_object *);

/*
 * Appends the object as one line without its end, and frees it.  0, or -1
 * (memory): nothing is appended.
 */
int json_append(struct buffer *, struct json_object *);

/* Appends the value as json_append does, and a line's end. */
int json_append_line(struct buffer *, struct json_object *);

/*
 * Reads a text that is one JSON value and nothing else, at most so deep: 1 and
 * the value, the caller's (NULL is null); 0: it is no JSON (RFC 8259) in
 * UTF-8, or has a NUL; -1: out of memory.
 */
int json_parse(const char *text, size_t len, int depth, struct json_object **);

/*
 * Reads a line that another of our programs has written, so without strictness.
 * An object, the caller's; NULL for all else.
 */
struct json_object *json_parse_object(const char *text, size_t len);

/*
 * Reading values of which nothing is known.  A value may be NULL, which is
 * JSON's null.  A value that is not of the type that is asked for leaves the
 * target as it was.
 *
 * A function here must not have the name of one of Jansson's, as json_string:
 * libjwt uses Jansson, and the linker would give it ours.
 */

/* The member; NULL: there is none, it is null, or this is no object. */
struct json_object *json_member(struct json_object *, const char *name);

/* How many elements an array has; 0 for all else. */
size_t json_length(struct json_object *);

/* The text of a string up to its first NUL, or NULL; and all of the text. */
const char *json_get_string(struct json_object *);
bool json_get_text(struct json_object *, struct text_span *);

/* The text of a string, or of a number as it was written; or of a string or of
 * a whole number of at most 64 bits. */
bool json_get_word(struct json_object *, struct text_span *);
bool json_get_name(struct json_object *, struct text_span *);

/* A number without a fraction in [0, max]; any number that is finite. */
bool json_get_whole(struct json_object *, uint64_t max, uint64_t *);
bool json_get_real(struct json_object *, double *);

bool json_get_flag(struct json_object *, bool *);

/*
 * Where the number at text ends (RFC 8259, 6); NULL: it is none, as "1.", "01"
 * and "-.5" are not.
 */
const char *json_skip_number(const char *text);

/*
 * NULL, or what is wrong with a number in the value, as a phrase: json-c takes
 * an integer that is too large for the largest there is, and what is no JSON
 * (RFC 8259, 6), such as NaN, 1. and -.5, for numbers.
 */
const char *json_wrong_number(struct json_object *);

#endif
