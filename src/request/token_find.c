/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Where a request has its token: the header that is made for it, or the two
 * places that an EventSource can use, which can set no header.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "request/request.h"
#include "request/token.h"

static const struct text_span token_none;

static struct text_span
token_in_header(const struct request *request)
{
	static const char scheme[] = "Bearer";
	const char *value = request_get(request, "HTTP_AUTHORIZATION");
	struct text_span found;

	if (strncasecmp(value, scheme, sizeof scheme - 1) != 0)
		return token_none;
	found.text = value + sizeof scheme - 1;
	if (*found.text != ' ')
		return token_none;
	found.text += strspn(found.text, " ");
	found.len = strcspn(found.text, " ");
	return found;
}

bool
token_is_in_header(const struct request *request)
{
	return token_in_header(request).len > 0;
}

/* The first cookie of this name (RFC 6265, 4.2.1), without its quotes. */
static struct text_span
token_in_cookie(const struct request *request, const char *name)
{
	const char *p = request_get(request, "HTTP_COOKIE");
	size_t len = strlen(name), end;
	struct text_span found;

	for (; *name != '\0' && *p != '\0';
	     p += p[end] == '\0' ? end : end + 1) {
		p += strspn(p, " \t");
		end = strcspn(p, ";");
		if (end <= len || p[len] != '=' || memcmp(p, name, len) != 0)
			continue;
		found.text = p + len + 1;
		found.len = end - len - 1;
		while (found.len > 0 && found.text[found.len - 1] == ' ')
			found.len--;
		if (found.len >= 2 && found.text[0] == '"' &&
		    found.text[found.len - 1] == '"') {
			found.text++;
			found.len -= 2;
		}
		return found;
	}
	return token_none;
}

/* The parameter of this name: 1 with the caller's text, or 0. */
static int
token_in_query(const struct request *request, const char *name, char **text)
{
	struct request_target target;
	const char *why;
	size_t len = 0;
	int found;

	if (*name == '\0' || request_read_target(request, &target, &why) == -1)
		return 0;
	found = request_next_parameter(&target.query, name, text, &len, &why);
	request_target_clear(&target);
	/*
	 * A malformed one is like none: route_subscribe refuses it, if it is
	 * used.
	 */
	if (found == 1 && len > 0 && strlen(*text) == len)
		return 1;
	if (found == 1)
		free(*text);
	*text = NULL;
	return 0;
}

int
token_find(const struct request *request, const struct config *config,
    char **text)
{
	struct text_span found;

	*text = NULL;
	if (config->token_key_count == 0)
		return 0;
	found = token_in_header(request);
	if (found.len == 0)
		found = token_in_cookie(request, config->token_cookie);
	if (found.len == 0)
		return token_in_query(request, config->token_parameter, text);
	*text = strndup(found.text, found.len);
	return *text == NULL ? -1 : 1;
}
