/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "request/body.h"

static const struct body_type {
	const char *name;
	enum body_kind kind;
} body_types[] = {
	{ "application/x-www-form-urlencoded", BODY_FORM },
	{ "application/json", BODY_JSON },
	{ "text/plain", BODY_TEXT },
};

int
body_announced(const struct request *request, uint64_t max, uint64_t *len)
{
	const char *text = request_get(request, "CONTENT_LENGTH");
	const char *coding = request_get(request, "HTTP_TRANSFER_ENCODING");

	*len = 0;
	if (*text == '\0')
		return request->body.len > 0 || *coding != '\0' ? 411 : 0;
	if (!text_parse_number(text, strlen(text), UINT64_MAX, len))
		return 400;
	return *len > max ? 413 : 0;
}

int
body_check_length(const struct request *request, uint64_t max)
{
	uint64_t len;
	int status = body_announced(request, max, &len);

	if (status == 0 && len != request->body.len)
		status = 400;
	return status;
}

/* Whether a Content-Type has this media type, whatever its parameters. */
static bool
body_is_type(const char *type, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(type, name, len) == 0 &&
	    strchr("; \t", type[len]) != NULL;
}

static const char *
body_wrong_type(const char *type, unsigned accept)
{
	if (body_is_type(type, "multipart/form-data") && (accept & BODY_FORM))
		return "multipart/form-data is not read: send "
		       "application/x-www-form-urlencoded";
	switch (accept) {
	case BODY_FORM:
		return "the body is not application/x-www-form-urlencoded";
	case BODY_JSON:
		return "the body is not application/json";
	case BODY_FORM | BODY_JSON:
		return "the body is neither "
		       "application/x-www-form-urlencoded nor application/json";
	default:
		return "the body is neither "
		       "application/x-www-form-urlencoded, application/json "
		       "nor text/plain";
	}
}

/* Whether a charset names UTF-8, or US-ASCII, which is a part of UTF-8. */
static bool
body_is_utf8_label(const char *label, size_t len)
{
	static const char *const labels[] = { "utf-8", "utf8", "us-ascii" };
	size_t i;

	for (i = 0; i < sizeof labels / sizeof *labels; i++)
		if (strlen(labels[i]) == len &&
		    strncasecmp(labels[i], label, len) == 0)
			return true;
	return false;
}

/*
 * Whether a Content-Type's parameters (RFC 9110, 5.6.6) name no charset, or
 * UTF-8.  A ';' within quotes is taken for a parameter's end, which is safe:
 * what stands behind it there names no charset either.
 */
static bool
body_is_utf8_type(const char *type)
{
	const char *p = type;
	size_t len;
	bool quoted;

	while ((p = strchr(p, ';')) != NULL) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "charset=", 8) != 0)
			continue;
		quoted = p[8] == '"';
		p += quoted ? 9 : 8;
		len = strcspn(p, quoted ? "\"" : "; \t");
		if (!body_is_utf8_label(p, len) ||
		    (quoted &&
			(p[len] == '\0' || strchr("; \t", p[len + 1]) == NULL)))
			return false;
	}
	return true;
}

static int
body_read_json(struct body *b, int depth, struct refusal *refusal)
{
	switch (json_parse(b->text.text, b->text.len, depth, &b->json)) {
	case -1:
		return refusal_set_memory(refusal);
	case 0:
		return refusal_set(refusal, 400, "the body is not valid JSON");
	default:
		if (json_wrong_number(b->json) == NULL)
			return 0;
		return refusal_set(refusal, 400,
		    "the body has a number that is none, or one of more than "
		    "64 bits");
	}
}

int
body_read(struct body *b, const struct request *request, unsigned accept,
    int depth, struct refusal *refusal)
{
	const char *type = request_get(request, "CONTENT_TYPE");
	const size_t count = sizeof body_types / sizeof *body_types;
	size_t i;

	memset(b, 0, sizeof *b);
	b->text = (struct text_span){ "", 0 };
	/* An empty text is a text, if it is said to be one. */
	if (request->body.len == 0 && (accept & BODY_TEXT) != 0 &&
	    body_is_type(type, "text/plain"))
		b->kind = BODY_TEXT;
	if (request->body.len == 0)
		return 0;
	for (i = 0; i < count; i++)
		if (body_is_type(type, body_types[i].name))
			break;
	if (i == count || (body_types[i].kind & accept) == 0)
		return refusal_set(refusal, 415, "%s",
		    body_wrong_type(type, accept));
	if (!body_is_utf8_type(type))
		return refusal_set(refusal, 415,
		    "the body's charset is not UTF-8");
	b->kind = body_types[i].kind;
	b->text = request->body;
	return b->kind == BODY_JSON ? body_read_json(b, depth, refusal) : 0;
}

void
body_clear(struct body *b)
{
	json_object_put(b->json);
	memset(b, 0, sizeof *b);
}
