/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/text.h"
#include "config/config_value.h"
#include "protocol/event.h"
#include "protocol/store_url.h"

enum {
	CONFIG_SOCKET_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1,
	CONFIG_HOST_MAX = 253,
	CONFIG_NAME_MAX = 64
};

static const char config_alnum[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const char *
config_value_wrong_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (strlen(text) >= PATH_MAX)
		return "is too long";
	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "must not contain control characters";
	return NULL;
}

const char *
config_value_wrong_lines(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p != '\0'; p++)
		if ((*p < 0x20 && strchr("\t\r\n", *p) == NULL) || *p == 0x7f)
			return "must not contain control characters";
	return text_is_utf8(text, strlen(text)) ? NULL : "is not valid UTF-8";
}

const char *
config_value_wrong_socket(const char *path)
{
	_Static_assert(CONFIG_SOCKET_MAX == 107, "the message says so");
	if (path[0] == '\0')
		return "must name a socket";
	if (strlen(path) > CONFIG_SOCKET_MAX)
		return "is too long for a socket (at most 107 bytes of path)";
	return config_value_wrong_text(path);
}

const char *
config_value_wrong_store(const char *text)
{
	const char *wrong = store_url_wrong(text);

	return wrong != NULL ? wrong : config_value_wrong_text(text);
}

const char *
config_value_wrong_name(const char *name)
{
	const char *p;

	/* A cookie's name is a token of RFC 9110, 5.6.2. */
	for (p = name; *p != '\0'; p++)
		if (strchr(config_alnum, *p) == NULL &&
		    strchr("!#$%&'*+-.^_`|~", *p) == NULL)
			return "must be letters, digits, '-' and '_'";
	return p - name <= CONFIG_NAME_MAX ? NULL : "is too long";
}

static bool
config_value_is_port(const char *text)
{
	uint64_t port;

	return text_parse_number(text, strlen(text), 65535, &port) && port > 0;
}

/*
 * The length of the host at text: a name, an IPv4 address or an IPv6 address
 * in brackets.  0 if there is none.
 */
static size_t
config_value_host(const char *text)
{
	size_t n;

	if (text[0] == '[') {
		n = strspn(text + 1, "0123456789abcdefABCDEF:.");
		return n > 0 && text[1 + n] == ']' ? n + 2 : 0;
	}
	n = strspn(text, config_alnum);
	while (n > 0 && text[n] != '\0' && strchr(".-_", text[n]) != NULL)
		n += 1 + strspn(text + n + 1, config_alnum);
	return n;
}

const char *
config_value_wrong_listen(const char *address)
{
	const char *host;
	size_t len;

	if (strncmp(address, "unix:", 5) == 0)
		return config_value_wrong_socket(address + 5);
	if (strncmp(address, "tcp:", 4) != 0)
		return "must be unix:PATH or tcp:HOST:PORT";
	host = address + 4;
	len = config_value_host(host);
	if (len == 0 || len > CONFIG_HOST_MAX || host[len] != ':')
		return "must be tcp:HOST:PORT (an IPv6 address in brackets)";
	if (!config_value_is_port(host + len + 1))
		return "must end in a port from 1 to 65535";
	return NULL;
}

/* A browser leaves its scheme's own port out: none would match this origin. */
static bool
config_value_is_default_port(const char *origin, const char *port)
{
	return (strncasecmp(origin, "http:", 5) == 0 &&
		   strcmp(port, "80") == 0) ||
	    (strncasecmp(origin, "https:", 6) == 0 && strcmp(port, "443") == 0);
}

const char *
config_value_wrong_origin(const char *origin)
{
	static const char form[] = "must be \"*\" or SCHEME://HOST[:PORT], "
				   "without a path";
	const char *host;
	size_t scheme, len;

	if (strcmp(origin, "*") == 0)
		return NULL;
	scheme = strspn(origin, config_alnum);
	while (scheme > 0 && origin[scheme] != '\0' &&
	    strchr("+-.", origin[scheme]) != NULL)
		scheme += 1 + strspn(origin + scheme + 1, config_alnum);
	if (scheme == 0 || (origin[0] >= '0' && origin[0] <= '9') ||
	    strncmp(origin + scheme, "://", 3) != 0)
		return form;
	host = origin + scheme + 3;
	len = config_value_host(host);
	if (len == 0 || len > CONFIG_HOST_MAX)
		return form;
	if (host[len] == '\0')
		return NULL;
	if (host[len] != ':' || !config_value_is_port(host + len + 1))
		return form;
	if (config_value_is_default_port(origin, host + len + 1))
		return "must leave the scheme's own port out, as browsers do";
	return NULL;
}

/* NULL, or what is wrong with a segment of a pattern, which may be its last. */
static const char *
config_value_wrong_segment(const char *segment, size_t len, bool last)
{
	if (len == 0)
		return "has an empty segment";
	if (len == 2 && memcmp(segment, "**", 2) == 0)
		return last ? NULL : "has a '**' that is not its last segment";
	if (len > 1 && memchr(segment, '*', len) != NULL)
		return "has a '*' that is not a whole segment";
	return NULL;
}

const char *
config_value_wrong_pattern(const char *pattern)
{
	const char *p = pattern, *why;
	size_t len = strlen(pattern), n;

	if (len > CHANNEL_NAME_MAX)
		return "is longer than 255 bytes";
	if (!text_is_utf8(pattern, len))
		return "is not valid UTF-8";
	for (n = 0; n < len; n++) {
		if ((unsigned char)pattern[n] <= ' ' || pattern[n] == 0x7f)
			return "has a space or a control character";
		if (strchr("{}", pattern[n]) != NULL)
			return "has a brace, which no channel's name has";
	}
	for (;; p += n + 1) {
		n = strcspn(p, "/");
		why = config_value_wrong_segment(p, n, p[n] == '\0');
		if (why != NULL || p[n] == '\0')
			return why;
	}
}
