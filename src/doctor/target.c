/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "doctor/target.h"

const char *
target_wrong(const char *url)
{
	const char *p, *host;

	if (strncasecmp(url, "http://", 7) == 0)
		host = url + 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		host = url + 8;
	else
		return "does not begin with http:// or https://";
	if (*host == '\0' || strchr("/?#", *host) != NULL)
		return "has no host";
	for (p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "has a space or a control character";
	return NULL;
}

/* Percent-encodes all but the unreserved characters of RFC 3986, 2.3. */
static int
target_append_encoded(struct buffer *b, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	int rc = 0;

	for (; *name != '\0' && rc == 0; name++)
		rc = strchr(plain, *name) != NULL
		    ? buffer_append(b, name, 1)
		    : buffer_printf(b, "%%%02X", (unsigned char)*name);
	return rc;
}

/* The buffer's bytes as a text, the caller's, or NULL; clears the buffer. */
static char *
target_finish(struct buffer *b, int rc)
{
	char *text = NULL;

	if (rc == 0 && buffer_append(b, "", 1) == 0)
		text = strdup(b->data);
	buffer_clear(b);
	return text;
}

/*
 * Appends len bytes of a pattern with the name in each place, and adds the
 * number of places to *places.
 */
static int
target_fill(struct buffer *b, const char *pattern, size_t len, const char *name,
    size_t *places)
{
	const char *end = pattern + len, *place;
	const size_t size = sizeof TARGET_CHANNEL - 1;

	while ((place = memmem(pattern, (size_t)(end - pattern), TARGET_CHANNEL,
		    size)) != NULL) {
		if (buffer_append(b, pattern, (size_t)(place - pattern)) ==
			-1 ||
		    buffer_append_text(b, name) == -1)
			return -1;
		pattern = place + size;
		++*places;
	}
	return buffer_append(b, pattern, (size_t)(end - pattern));
}

char *
target_url(const char *url, const char *name)
{
	struct buffer b = { 0 };
	size_t places = 0, len = strcspn(url, "#");
	int rc = target_fill(&b, url, len, name, &places);

	if (rc == 0 && places == 0) {
		rc = buffer_append_text(&b,
		    memchr(url, '?', len) != NULL ? "&channel=" : "?channel=");
		if (rc == 0)
			rc = target_append_encoded(&b, name);
	}
	return target_finish(&b, rc);
}

char *
target_channel(const char *pattern, const char *name)
{
	struct buffer b = { 0 };
	size_t places = 0;

	return target_finish(&b,
	    target_fill(&b, pattern, strlen(pattern), name, &places));
}

char *
target_display(const char *url)
{
	struct buffer b = { 0 };
	const char *host = strstr(url, "://"), *at = NULL, *p;
	int rc;

	host = host == NULL ? url : host + 3;
	for (p = host; *p != '\0' && strchr("/?#", *p) == NULL; p++)
		if (*p == '@')
			at = p;
	rc = buffer_append(&b, url, (size_t)(host - url));
	if (rc == 0)
		rc = buffer_append_text(&b, at == NULL ? host : at + 1);
	return target_finish(&b, rc);
}
