/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_VALUES_H
#define CRIER_REQUEST_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/path_pattern.h"
#include "config/template.h"
#include "request/body.h"
#include "request/refusal.h"
#include "request/request.h"

/* What a request has for the variables of templates.  Pure. */

enum {
	VALUES_NAME_SIZE = 160 /* of a variable, as a phrase */
};

struct values {
	const struct request_target *target;
	const struct path_pattern *path; /* which it matches */
	struct body body;
	bool is_standing;        /* the route is in no configuration */
	struct text_span user;   /* whom the web server has authenticated */
	struct refusal *refusal; /* to be set by who refuses */
};

struct value {
	struct text_span text;
	char *owned;              /* text's memory, or NULL */
	bool is_json;             /* no string; text is its JSON */
	struct json_object *json; /* then; NULL is null */
};

/* The variable as a phrase, "NAME in the query". */
const char *
values_describe(const struct template_piece *, char to[VALUES_NAME_SIZE]);

/*
 * The value of a variable: 1, value_clear follows; 0: there is none, or an
 * empty `{name...}`; -1: refused (values->refusal), for it is malformed or
 * given twice.
 */
int values_find(struct values *, const struct template_piece *, struct value *);

/*
 * The next value of a variable that may be given several times, or be a JSON
 * list; returns what values_find does.  The cursor is all zero at first.
 */
struct values_cursor {
	bool is_begun;
	struct text_span form; /* what is left of it */
	size_t index;          /* in the list */
};
int values_next(struct values *, const struct template_piece *,
    struct values_cursor *, struct value *);

/* Whether values_next has more than one value for the variable. */
bool values_is_several(struct values *, const struct template_piece *);

/* Refuses because a value is missing that there has to be; always -1. */
int values_refuse_missing(struct values *, const struct template_piece *);

void value_clear(struct value *);

#endif
