/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "door/request.h"

void
request_clear(struct request *r)
{
	buffer_clear(&r->env);
}

int
request_add(struct request *r, const char *name_value)
{
	return buffer_append(&r->env, name_value, strlen(name_value) + 1);
}

const char *
request_get(const struct request *r, const char *name)
{
	size_t name_len = strlen(name), len;
	const char *p;
	size_t at = 0;

	for (; at < r->env.len; at += len + 1) {
		p = r->env.data + at;
		len = strlen(p);
		if (len > name_len && p[name_len] == '=' &&
		    memcmp(p, name, name_len) == 0)
			return p + name_len + 1;
	}
	return "";
}

/* What the server has decoded already is taken as it is. */
static int
request_join_path(const struct request *r, struct request_target *t)
{
	struct buffer b = { 0 };

	if (buffer_append_text(&b, request_get(r, "SCRIPT_NAME")) == -1 ||
	    buffer_append_text(&b, request_get(r, "PATH_INFO")) == -1 ||
	    buffer_append(&b, "", 1) == -1) {
		buffer_clear(&b);
		return -1;
	}
	/* A fresh buffer begins where its allocation does. */
	t->path = b.base;
	t->path_len = b.len - 1;
	t->query.text = request_get(r, "QUERY_STRING");
	t->query.len = strlen(t->query.text);
	return 0;
}

/* Of an absolute form (RFC 9112, 3.2.2) the path and what follows it. */
static const char *
request_skip_authority(const char *uri)
{
	const char *p = strstr(uri, "://");

	if (uri[0] == '/' || p == NULL)
		return uri;
	p += 3;
	return p + strcspn(p, "/?");
}

int
request_read_target(const struct request *r, struct request_target *t,
    const char **why)
{
	const char *uri = request_skip_authority(request_get(r, "REQUEST_URI"));
	size_t len = strcspn(uri, "?#");
	ptrdiff_t decoded;

	memset(t, 0, sizeof *t);
	*why = "out of memory";
	if (*uri == '\0')
		return request_join_path(r, t);
	if ((t->path = malloc(len + 1)) == NULL)
		return -1;
	decoded = text_percent_decode(uri, len, false, t->path);
	if (decoded == -1) {
		*why = "the path has a malformed %-escape";
		free(t->path);
		t->path = NULL;
		return -1;
	}
	t->path_len = (size_t)decoded;
	t->path[t->path_len] = '\0';
	t->query.text = uri[len] == '?' ? uri + len + 1 : "";
	t->query.len = strcspn(t->query.text, "#");
	return 0;
}

/* Whether an encoded name is this one. */
static bool
request_is_named(const struct text_pair *pair, const char *name)
{
	char decoded[64];
	ptrdiff_t n;

	if (pair->name_len > sizeof decoded)
		return false;
	n = text_percent_decode(pair->name, pair->name_len, true, decoded);
	return n == (ptrdiff_t)strlen(name) &&
	    memcmp(decoded, name, (size_t)n) == 0;
}

int
request_next_parameter(struct text_span *form, const char *name, char **value,
    size_t *len, const char **why)
{
	struct text_pair pair;
	ptrdiff_t n;

	do {
		if (!text_next_pair(&form->text, &form->len, &pair))
			return 0;
	} while (!request_is_named(&pair, name));
	if ((*value = malloc(pair.value_len + 1)) == NULL) {
		*why = "out of memory";
		return -1;
	}
	n = text_percent_decode(pair.value, pair.value_len, true, *value);
	if (n == -1) {
		free(*value);
		*value = NULL;
		*why = "a parameter has a malformed %-escape";
		return -1;
	}
	(*value)[n] = '\0';
	*len = (size_t)n;
	return 1;
}
