/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cause.h"
#include "base/json.h"
#include "config/template.h"

enum {
	TEMPLATE_DEPTH = 63,
	TEMPLATE_SHOWN = 60 /* bytes of a variable in an error */
};

struct template_reader {
	const char *p; /* what is not read yet */
	const struct template_scope *scope;
	struct template *t;
	char *to;         /* the end of t->text */
	uint64_t doubled; /* a bit for each open brace, 0 the innermost */
	unsigned depth;   /* how many braces are open */
	char **cause;
};

static int
template_wrong(struct template_reader *r, const char *what)
{
	return cause_set(r->cause, "%s", what);
}

static int
template_wrong_variable(struct template_reader *r, struct text_span name,
    const char *what)
{
	char shown[4 * TEMPLATE_SHOWN];

	text_escape(name.text,
	    name.len < TEMPLATE_SHOWN ? name.len : TEMPLATE_SHOWN, shown,
	    sizeof shown);
	return cause_set(r->cause, "{%.80s} %s", shown, what);
}

/* Adds a literal character: to the piece before, if that is literal, too. */
static void
template_add_literal(struct template_reader *r, char c)
{
	struct template_piece *piece = r->t->pieces + r->t->count;

	if (r->t->count == 0 || piece[-1].source != TEMPLATE_TEXT) {
		piece->source = TEMPLATE_TEXT;
		piece->text.text = r->to;
		r->t->count++;
	} else {
		piece--;
	}
	*r->to++ = c;
	piece->text.len++;
}

/* NULL, or what is wrong with NAME of query.NAME, form.NAME or json.NAME. */
static const char *
template_wrong_name(enum template_source source, struct text_span name)
{
	const unsigned char *p = (const unsigned char *)name.text;
	size_t i;

	if (name.len == 0)
		return "has no name behind the dot";
	if (name.len > PATH_NAME_MAX)
		return "is longer than 64 bytes";
	for (i = 0; i < name.len; i++)
		if (p[i] <= ' ' || p[i] == 0x7f)
			return "has a space or a control character";
	if (source != TEMPLATE_JSON)
		return NULL;
	for (i = 0; i < name.len; i++)
		if (p[i] == '.' &&
		    (i == 0 || i + 1 == name.len || p[i + 1] == '.'))
			return "has an empty name between its dots";
	return NULL;
}

static const struct template_word {
	const char *word;
	enum template_source source;
	bool has_name; /* a NAME follows the word */
} template_words[] = {
	{ "query.", TEMPLATE_QUERY, true },
	{ "form.", TEMPLATE_FORM, true },
	{ "json.", TEMPLATE_JSON, true },
	{ "body", TEMPLATE_BODY, false },
	{ "user", TEMPLATE_USER, false },
	{ "id", TEMPLATE_ID, false },
	{ "streams", TEMPLATE_STREAMS, false },
};

/* The word that a variable begins with, or NULL; *name becomes the rest. */
static const struct template_word *
template_find_word(struct text_span *name)
{
	const size_t count = sizeof template_words / sizeof *template_words;
	const struct template_word *w = template_words;
	size_t i, len;

	for (i = 0; i < count; i++, w++) {
		len = strlen(w->word);
		if (name->len < len || memcmp(name->text, w->word, len) != 0 ||
		    (!w->has_name && name->len > len))
			continue;
		name->text += len;
		name->len -= len;
		return w;
	}
	return NULL;
}

/*
 * Finds out where a variable's value comes from.  Names of the path's segments
 * go before our words; path_pattern_parse refuses `user` and `body` there.
 */
static int
template_resolve(struct template_reader *r, struct text_span written,
    struct template_piece *piece)
{
	const struct template_scope *scope = r->scope;
	const struct template_word *word;
	ptrdiff_t segment = path_pattern_find(scope->path, written);
	struct text_span name = written;
	const char *why;

	if (segment != -1) {
		piece->source = TEMPLATE_PATH;
		piece->segment = (size_t)segment;
		piece->text = written;
		return 0;
	}
	if ((word = template_find_word(&name)) == NULL)
		return template_wrong_variable(r, written,
		    "is neither in the path nor query.NAME, form.NAME, "
		    "json.NAME, body or user");
	if (word->has_name &&
	    (why = template_wrong_name(word->source, name)) != NULL)
		return template_wrong_variable(r, written, why);
	if (!scope->is_reply &&
	    (word->source == TEMPLATE_ID || word->source == TEMPLATE_STREAMS))
		return template_wrong_variable(r, written,
		    "is known in a reply only");
	if (!scope->has_body &&
	    (word->source == TEMPLATE_FORM || word->source == TEMPLATE_JSON ||
		word->source == TEMPLATE_BODY))
		return template_wrong_variable(r, written,
		    "needs a body, which a GET request has not");
	piece->source = word->source;
	piece->text = word->has_name ? name : written;
	return 0;
}

/* At a '{' that a letter follows. */
static int
template_read_variable(struct template_reader *r)
{
	struct template_piece *piece = r->t->pieces + r->t->count;
	struct text_span name = { r->to, strcspn(r->p + 1, "{}") };

	if (r->p[1 + name.len] != '}')
		return template_wrong(r,
		    "has a variable that is not closed by }");
	memcpy(r->to, r->p + 1, name.len);
	r->to += name.len;
	r->p += name.len + 2;
	if (name.text[name.len - 1] == '?') {
		piece->is_optional = true;
		name.len--;
	}
	if (template_resolve(r, name, piece) == -1)
		return -1;
	r->t->sources |= TEMPLATE_BIT(piece->source);
	r->t->count++;
	return 0;
}

static int
template_read_open(struct template_reader *r)
{
	bool is_doubled = r->p[1] == '{';

	if (isalpha((unsigned char)r->p[1]))
		return template_read_variable(r);
	if (r->depth == TEMPLATE_DEPTH)
		return template_wrong(r, "has braces that are too deep");
	r->doubled = r->doubled << 1 | is_doubled;
	r->depth++;
	template_add_literal(r, '{');
	r->p += is_doubled ? 2 : 1;
	return 0;
}

/*
 * At a '}': it must be doubled if the brace that it closes is doubled, or if it
 * closes none.
 */
static int
template_read_close(struct template_reader *r)
{
	bool is_doubled = r->depth == 0 || (r->doubled & 1) != 0;

	if (is_doubled && r->p[1] != '}')
		return template_wrong(r, "has a } without its {: write }}");
	if (r->depth > 0) {
		r->doubled >>= 1;
		r->depth--;
	}
	template_add_literal(r, '}');
	r->p += is_doubled ? 2 : 1;
	return 0;
}

static int
template_read(struct template_reader *r)
{
	int rc = 0;

	while (rc == 0 && *r->p != '\0') {
		if (*r->p == '{')
			rc = template_read_open(r);
		else if (*r->p == '}')
			rc = template_read_close(r);
		else
			template_add_literal(r, *r->p++);
	}
	for (; rc == 0 && r->depth > 0; r->depth--, r->doubled >>= 1)
		if ((r->doubled & 1) == 0)
			rc = template_wrong(r,
			    "has a { without its }: write {{");
	return rc;
}

/*
 * Marks the variables that stand between the quotes of JSON strings.  False if
 * there are control characters in strings, or single quotes: json-c would take
 * them, but they are no JSON (RFC 8259, 7).
 */
static bool
template_mark_quoted(struct template *t)
{
	bool in_string = false, is_escaped = false;
	struct template_piece *piece = t->pieces;
	size_t i, k;
	char c;

	for (i = 0; i < t->count; i++, piece++) {
		if (piece->source != TEMPLATE_TEXT) {
			piece->is_quoted = in_string;
			is_escaped = false;
			continue;
		}
		for (k = 0; k < piece->text.len; k++) {
			c = piece->text.text[k];
			if (in_string ? (unsigned char)c < ' ' : c == '\'')
				return false;
			if (!is_escaped && c == '"')
				in_string = !in_string;
			is_escaped = in_string && !is_escaped && c == '\\';
		}
	}
	return true;
}

/* Whether the template is JSON once values are in it: 1, 0, or -1 (memory). */
static int
template_is_json(const struct template *t)
{
	const struct template_piece *piece = t->pieces;
	struct buffer b = { 0 };
	struct json_object *o = NULL;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < t->count; i++, piece++) {
		/*
		 * No value makes an escape of a backslash before it, and
		 * neither does an x.
		 */
		if (piece->source == TEMPLATE_TEXT)
			rc = buffer_append(&b, piece->text.text,
			    piece->text.len);
		else
			rc = buffer_append_text(&b,
			    piece->is_quoted ? "x" : "null");
	}
	if (rc == 0)
		rc = json_parse(b.data, b.len, TEMPLATE_DEPTH, &o);
	if (rc == 1 && json_wrong_number(o) != NULL)
		rc = 0;
	json_object_put(o);
	buffer_clear(&b);
	return rc;
}

static bool
template_begins_as_json(const struct template *t)
{
	const char *p;
	size_t i = 0;

	if (t->count == 0 || t->pieces[0].source != TEMPLATE_TEXT)
		return false;
	p = t->pieces[0].text.text;
	while (i < t->pieces[0].text.len && strchr(" \t\r\n", p[i]) != NULL)
		i++;
	return i < t->pieces[0].text.len && strchr("{[\"", p[i]) != NULL;
}

/* Finds out how values are to be put in: 0, or -1 with *cause. */
static int
template_find_form(struct template_reader *r)
{
	enum template_want want = r->scope->want;
	struct template *t = r->t;
	int is_json = 0;

	if (want == TEMPLATE_WANT_HTML)
		t->form = TEMPLATE_AS_HTML;
	if (want == TEMPLATE_WANT_PLAIN || want == TEMPLATE_WANT_HTML ||
	    (want == TEMPLATE_WANT_DATA && !template_begins_as_json(t)) ||
	    t->count == 0)
		return 0;
	if (template_mark_quoted(t))
		is_json = template_is_json(t);
	if (is_json == -1) {
		*r->cause = NULL;
		return -1;
	}
	if (is_json == 1) {
		t->form = TEMPLATE_AS_JSON;
		return 0;
	}
	if (want == TEMPLATE_WANT_JSON)
		return template_wrong(r, "is not valid JSON (see reply-type)");
	/*
	 * A plain text may well begin with a bracket or a quote; if it begins
	 * with a brace, it is meant to be JSON.
	 */
	if (t->pieces[0].text.text[strspn(t->pieces[0].text.text, " \t\r\n")] ==
	    '{')
		return template_wrong(r,
		    "begins with a brace and is not valid JSON");
	return 0;
}

static struct template *
template_alloc(size_t len, size_t braces)
{
	struct template *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->text = malloc(len + 1);
	t->pieces = calloc(2 * braces + 1, sizeof *t->pieces);
	if (t->text != NULL && t->pieces != NULL)
		return t;
	template_free(t);
	return NULL;
}

struct template *
template_new(const char *text, const struct template_scope *scope, char **cause)
{
	struct template_reader r = {
		.p = text, .scope = scope, .cause = cause
	};
	size_t len = strlen(text), braces = 0, i;

	for (i = 0; i < len; i++)
		braces += text[i] == '{';
	if (len > TEMPLATE_MAX) {
		cause_set(cause, "is longer than %d bytes", TEMPLATE_MAX);
		return NULL;
	}
	if (!text_is_utf8(text, len)) {
		template_wrong(&r, "is not valid UTF-8");
		return NULL;
	}
	*cause = NULL;
	if ((r.t = template_alloc(len, braces)) == NULL)
		return NULL;
	r.to = r.t->text;
	if (template_read(&r) == 0) {
		*r.to = '\0';
		if (template_find_form(&r) == 0)
			return r.t;
	}
	template_free(r.t);
	return NULL;
}

void
template_free(struct template *t)
{
	if (t == NULL)
		return;
	free(t->text);
	free(t->pieces);
	free(t);
}

bool
template_is_literal(const struct template *t)
{
	return t->sources == 0;
}
