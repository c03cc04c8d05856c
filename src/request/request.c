/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "request/request.h"

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

/*
 * Where the path of a target begins: of an absolute form (RFC 9112, 3.2.2)
 * behind scheme and authority.
 */
static const char *
request_skip_authority(const char *uri)
{
	const char *p = strstr(uri, "://");

	if (uri[0] == '/' || p == NULL)
		return uri;
	p += 3;
	return p + strcspn(p, "/?");
}

void
request_target_clear(struct request_target *t)
{
	free(t->path);
	free(t->segments);
	memset(t, 0, sizeof *t);
}

/*
 * Copies a path segment by segment.  Each is decoded by itself, if is_encoded,
 * so that an encoded slash separates nothing.
 */
static int
request_split_path(struct request_target *t, const char *text, size_t len,
    bool is_encoded, const char **why)
{
	const char *at = text, *end = text + len, *slash;
	size_t n, slashes = 0;
	ptrdiff_t decoded;

	for (n = 0; n < len; n++)
		slashes += text[n] == '/';
	t->path = malloc(len + 1);
	t->segments = malloc((slashes + 1) * sizeof *t->segments);
	if (t->path == NULL || t->segments == NULL)
		return -1;
	for (;; at = slash + 1) {
		slash = memchr(at, '/', (size_t)(end - at));
		n = (size_t)((slash == NULL ? end : slash) - at);
		decoded = is_encoded
		    ? text_percent_decode(at, n, false, t->path + t->path_len)
		    : (ptrdiff_t)n;
		if (decoded == -1) {
			*why = "the path has a malformed %-escape";
			return -1;
		}
		if (!is_encoded)
			memcpy(t->path + t->path_len, at, n);
		t->segments[t->segment_count].text = t->path + t->path_len;
		t->segments[t->segment_count++].len = (size_t)decoded;
		t->path_len += (size_t)decoded;
		if (slash == NULL)
			break;
		t->path[t->path_len++] = '/';
	}
	t->path[t->path_len] = '\0';
	/* The piece before the first slash is no segment, and must be empty. */
	t->segment_count--;
	if (t->segments[0].len > 0)
		t->segment_count = 0;
	memmove(t->segments, t->segments + 1,
	    t->segment_count * sizeof *t->segments);
	return 0;
}

/* Takes the path from variables that the web server has decoded already. */
static int
request_join_path(const struct request *r, struct request_target *t,
    const char **why)
{
	struct buffer b = { 0 };
	int rc = -1;

	if (buffer_append_text(&b, request_get(r, "SCRIPT_NAME")) == 0 &&
	    buffer_append_text(&b, request_get(r, "PATH_INFO")) == 0)
		rc = request_split_path(t, b.len == 0 ? "" : b.data, b.len,
		    false, why);
	buffer_clear(&b);
	t->query.text = request_get(r, "QUERY_STRING");
	t->query.len = strlen(t->query.text);
	return rc;
}

const char *
request_user(const struct request *r)
{
	const char *user = request_get(r, "REMOTE_USER");

	return *user == '\0' && r->user != NULL ? r->user : user;
}

int
request_read_target(const struct request *r, struct request_target *t,
    const char **why)
{
	const char *uri = request_skip_authority(request_get(r, "REQUEST_URI"));
	size_t len = strcspn(uri, "?#");
	int rc;

	memset(t, 0, sizeof *t);
	*why = "out of memory";
	if (*uri == '\0') {
		rc = request_join_path(r, t, why);
	} else {
		rc = request_split_path(t, uri, len, true, why);
		t->query.text = uri[len] == '?' ? uri + len + 1 : "";
		t->query.len = strcspn(t->query.text, "#");
	}
	if (rc == -1)
		request_target_clear(t);
	return rc;
}

/* Whether a parameter's name, once decoded, is this one. */
static bool
request_is_named(const struct text_pair *pair, const char *name)
{
	char decoded[256];
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
