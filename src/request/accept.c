/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "request/accept.h"

enum {
	ACCEPT_WEIGHT_ONE = 1000,
	ACCEPT_DIGITS = 3 /* of a weight, at most */
};

/* How a type is matched, from the least exact on. */
enum accept_rank {
	ACCEPT_NOT_AT_ALL,
	ACCEPT_ANYTHING, /* by its star / star */
	ACCEPT_ALL_OF_TYPE,
	ACCEPT_BY_NAME
};

/* What the field says of one type: its most exact range decides. */
struct accept_type {
	const char *type, *subtype;
	enum accept_rank rank;
	int weight;
};

static struct text_span
accept_trim(struct text_span s)
{
	while (s.len > 0 && strchr(" \t", s.text[0]) != NULL) {
		s.text++;
		s.len--;
	}
	while (s.len > 0 && strchr(" \t", s.text[s.len - 1]) != NULL)
		s.len--;
	return s;
}

/*
 * Takes what stands before the separator from the front, which may be part of a
 * quoted string.
 */
static struct text_span
accept_cut(struct text_span *rest, char separator)
{
	struct text_span part = { rest->text, 0 };
	bool is_quoted = false;

	for (; part.len < rest->len; part.len++) {
		if (part.text[part.len] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && part.text[part.len] == '\\')
			part.len += part.len + 1 < rest->len;
		else if (!is_quoted && part.text[part.len] == separator)
			break;
	}
	rest->text += part.len;
	rest->len -= part.len;
	if (rest->len > 0) {
		rest->text++;
		rest->len--;
	}
	return accept_trim(part);
}

/* A weight in thousandths (RFC 9110, 12.4.2); -1: it is none. */
static int
accept_weight(struct text_span text)
{
	int weight, place = ACCEPT_WEIGHT_ONE / 10;
	size_t i;

	if (text.len == 0 || text.len > 2 + ACCEPT_DIGITS ||
	    (text.text[0] != '0' && text.text[0] != '1') ||
	    (text.len > 1 && text.text[1] != '.'))
		return -1;
	weight = text.text[0] == '1' ? ACCEPT_WEIGHT_ONE : 0;
	for (i = 2; i < text.len; i++, place /= 10) {
		if (text.text[i] < '0' || text.text[i] > '9')
			return -1;
		weight += (text.text[i] - '0') * place;
	}
	return weight > ACCEPT_WEIGHT_ONE ? -1 : weight;
}

/* The weight among a range's parameters; without one it is 1. */
static int
accept_find_weight(struct text_span parameters)
{
	struct text_span p;
	int weight = ACCEPT_WEIGHT_ONE;

	while (parameters.len > 0) {
		p = accept_cut(&parameters, ';');
		if (p.len > 1 && strncasecmp(p.text, "q=", 2) == 0)
			weight = accept_weight((struct text_span){
			    p.text + 2, p.len - 2 });
	}
	return weight;
}

static bool
accept_is(struct text_span have, const char *want)
{
	return have.len == strlen(want) &&
	    strncasecmp(have.text, want, have.len) == 0;
}

static enum accept_rank
accept_match(struct text_span range, const struct accept_type *t)
{
	struct text_span type = accept_cut(&range, '/');

	if (text_equals(type, "*"))
		return text_equals(range, "*") ? ACCEPT_ANYTHING
					       : ACCEPT_NOT_AT_ALL;
	if (!accept_is(type, t->type))
		return ACCEPT_NOT_AT_ALL;
	if (text_equals(range, "*"))
		return ACCEPT_ALL_OF_TYPE;
	return accept_is(range, t->subtype) ? ACCEPT_BY_NAME
					    : ACCEPT_NOT_AT_ALL;
}

static void
accept_note(struct accept_type *t, struct text_span range, int weight)
{
	enum accept_rank rank = accept_match(range, t);

	if (rank == ACCEPT_NOT_AT_ALL || weight == -1 || rank < t->rank ||
	    (rank == t->rank && weight <= t->weight))
		return;
	t->rank = rank;
	t->weight = weight;
}

bool
accept_prefers_json(const char *accept)
{
	struct accept_type json = { .type = "application", .subtype = "json" };
	struct accept_type stream = { .type = "text",
		.subtype = "event-stream" };
	struct text_span rest = { accept, strlen(accept) }, element, range;
	int weight;

	while (rest.len > 0) {
		element = accept_cut(&rest, ',');
		range = accept_cut(&element, ';');
		weight = accept_find_weight(element);
		accept_note(&json, range, weight);
		accept_note(&stream, range, weight);
	}
	if (json.weight == 0 || json.weight < stream.weight)
		return false;
	return json.weight > stream.weight || json.rank > stream.rank;
}
