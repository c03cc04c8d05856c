/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_TEMPLATE_H
#define CRIER_CONFIG_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "config/path_pattern.h"

/*
 * Templates of a route's settings (crier.conf(5)): text with variables such as
 * {query.name}.  Read once, with the configuration; request/expand puts values
 * into them.  Pure.
 *
 * `{{` and `}}` are literal braces.  So is a `{` that no letter follows; its
 * `}` then stands for itself too, so that JSON may be written as it is.
 */

enum template_source {
	TEMPLATE_TEXT, /* literal */
	TEMPLATE_PATH, /* {name} */
	TEMPLATE_QUERY,
	TEMPLATE_FORM,
	TEMPLATE_JSON,
	TEMPLATE_BODY,
	TEMPLATE_USER,
	TEMPLATE_ID, /* of a reply: the event's id, the number of streams */
	TEMPLATE_STREAMS
};

#define TEMPLATE_BIT(source) (1U << (source))

/* What a template's text is, which decides how values are put into it. */
enum template_form {
	TEMPLATE_PLAIN, /* as they are */
	TEMPLATE_AS_JSON,
	TEMPLATE_AS_HTML
};

enum {
	TEMPLATE_MAX = 16384 /* bytes of a template */
};

struct template_piece {
	enum template_source source;
	struct text_span text; /* literal, or NAME of query.NAME */
	size_t segment;        /* TEMPLATE_PATH: see path_pattern_value */
	bool is_optional;      /* written with a ? behind its name */
	bool is_quoted;        /* JSON: it stands within a string */
};

struct template
{
	enum template_form form;
	unsigned sources; /* TEMPLATE_BITs of its variables */
	size_t count;
	struct template_piece *pieces;
	char *text; /* what the pieces point to */
};

/* Which form a template may have. */
enum template_want {
	TEMPLATE_WANT_PLAIN,
	TEMPLATE_WANT_DATA, /* JSON if it begins like that, and is that */
	TEMPLATE_WANT_JSON,
	TEMPLATE_WANT_HTML
};

struct template_scope {
	const struct path_pattern *path;
	bool has_body; /* the route's methods bring one */
	bool is_reply;
	enum template_want want;
};

/*
 * Reads a template.  The caller's to free, or NULL with *cause in words that
 * follow "NAME: ".
 */
struct template *
template_new(const char *text, const struct template_scope *, char **cause);

void template_free(struct template *);

/* Whether it has no variable. */
bool template_is_literal(const struct template *);

#endif
