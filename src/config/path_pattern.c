/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/path_pattern.h"

static bool
path_span_equals(struct text_span a, struct text_span b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

ptrdiff_t
path_pattern_find(const struct path_pattern *p, struct text_span name)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (p->segments[i].kind != PATH_LITERAL &&
		    path_span_equals(p->segments[i].text, name))
			return (ptrdiff_t)i;
	return -1;
}

static const char *
path_wrong_name(const struct path_pattern *p, struct text_span name)
{
	size_t i;

	if (name.len == 0)
		return "has a variable without a name";
	if (name.len > PATH_NAME_MAX)
		return "has a variable with a name of more than 64 bytes";
	for (i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.text[i]) &&
		    strchr("_-", name.text[i]) == NULL)
			return "has a variable whose name is not letters, "
			       "digits, - and _";
	if (!isalpha((unsigned char)name.text[0]))
		return "has a variable whose name begins with no letter";
	if (text_equals(name, "user") || text_equals(name, "body"))
		return "has a variable {user} or {body}, which mean something "
		       "else in templates";
	if (path_pattern_find(p, name) != -1)
		return "has the same variable twice";
	return NULL;
}

/* Adds `{name}`, or `{name...}`, which must be the last segment. */
static const char *
path_add_variable(struct path_pattern *p, struct text_span name, bool is_last)
{
	const char *why;
	enum path_segment_kind kind = PATH_NAME;

	if (name.len > 3 && memcmp(name.text + name.len - 3, "...", 3) == 0) {
		kind = PATH_REST;
		name.len -= 3;
	}
	if ((why = path_wrong_name(p, name)) != NULL)
		return why;
	if (kind == PATH_REST && !is_last)
		return "has a {name...} that is not its end";
	p->segments[p->count].kind = kind;
	p->segments[p->count++].text = name;
	return NULL;
}

static const char *
path_wrong_literal(struct text_span s, bool is_last)
{
	size_t i;

	if (s.len == 0 && !is_last)
		return "has an empty segment";
	if (text_equals(s, ".") || text_equals(s, ".."))
		return "has a . or .. segment, which is refused anyway";
	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.text[i] < ' ' || s.text[i] == 0x7f)
			return "has a control character";
	return text_is_utf8(s.text, s.len) ? NULL : "is not valid UTF-8";
}

/* Adds one segment, which is decoded in place. */
static const char *
path_add_segment(struct path_pattern *p, char *text, size_t len, bool is_last)
{
	struct text_span span = { text, len };
	const char *why;
	ptrdiff_t n;

	if (p->count == PATH_SEGMENTS_MAX)
		return "has more than 32 segments";
	if (memchr(text, '?', len) != NULL || memchr(text, '#', len) != NULL)
		return "has a ? or #: parameters are not part of it";
	if (memchr(text, '{', len) != NULL || memchr(text, '}', len) != NULL) {
		if (len < 2 || text[0] != '{' ||
		    memchr(text, '}', len) != text + len - 1 ||
		    memchr(text + 1, '{', len - 1) != NULL)
			return "has a {name} that is not a whole segment";
		span.text++;
		span.len -= 2;
		return path_add_variable(p, span, is_last);
	}
	if ((n = text_percent_decode(text, len, false, text)) == -1)
		return "has a malformed %-escape";
	span.len = (size_t)n;
	if ((why = path_wrong_literal(span, is_last)) != NULL)
		return why;
	p->segments[p->count].kind = PATH_LITERAL;
	p->segments[p->count++].text = span;
	return NULL;
}

const char *
path_pattern_parse(struct path_pattern *p, const char *text)
{
	const char *why = NULL;
	char *at, *slash;
	size_t len;

	memset(p, 0, sizeof *p);
	if (text[0] != '/')
		return "does not begin with /";
	if (strpbrk(text, " \t") != NULL)
		return "has a space: write %20";
	if ((p->text = strdup(text)) == NULL)
		return "is too much for the memory";
	for (at = p->text + 1; why == NULL; at = slash + 1) {
		slash = strchr(at, '/');
		len = slash == NULL ? strlen(at) : (size_t)(slash - at);
		why = path_add_segment(p, at, len, slash == NULL);
		if (slash == NULL)
			break;
	}
	if (why != NULL)
		path_pattern_clear(p);
	return why;
}

void
path_pattern_clear(struct path_pattern *p)
{
	free(p->text);
	memset(p, 0, sizeof *p);
}

bool
path_pattern_match(const struct path_pattern *p,
    const struct text_span *segments, size_t count)
{
	const struct path_segment *s;
	size_t i;

	for (i = 0; i < p->count; i++) {
		s = &p->segments[i];
		if (i == count)
			return false;
		if (s->kind == PATH_REST)
			return true;
		if (s->kind == PATH_NAME && segments[i].len == 0)
			return false;
		if (s->kind == PATH_LITERAL &&
		    !path_span_equals(s->text, segments[i]))
			return false;
	}
	return i == count;
}

int
path_pattern_compare(const struct path_pattern *a, const struct path_pattern *b)
{
	const struct path_segment *s, *t;
	size_t i;

	for (i = 0; i < a->count && i < b->count; i++) {
		s = &a->segments[i];
		t = &b->segments[i];
		if (s->kind != t->kind)
			return s->kind > t->kind ? 1 : -1;
		if (s->kind == PATH_LITERAL &&
		    !path_span_equals(s->text, t->text))
			return 1;
	}
	if (a->count == b->count)
		return 0;
	return a->count > b->count ? 1 : -1;
}

struct text_span
path_pattern_value(const struct path_pattern *p, size_t segment,
    const struct text_span *segments, size_t count)
{
	struct text_span value = segments[segment];
	const struct text_span *last = &segments[count - 1];

	/* The request's segments lie one behind the other in its path. */
	if (p->segments[segment].kind == PATH_REST)
		value.len = (size_t)(last->text + last->len - value.text);
	return value;
}
