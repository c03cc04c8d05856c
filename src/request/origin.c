/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "request/origin.h"

/* A host and its port; the port is "" if it is the scheme's own, or unknown. */
struct origin_place {
	struct text_span host, port;
};

/* Splits HOST[:PORT], where HOST may be an IPv6 address in brackets. */
static void
origin_split(const char *text, struct origin_place *place)
{
	size_t len = strlen(text);
	const char *end = *text == '[' ? strchr(text, ']') : text, *colon;

	colon = end == NULL ? NULL : strchr(end, ':');
	place->host.text = text;
	place->host.len = colon == NULL ? len : (size_t)(colon - text);
	place->port.text = colon == NULL ? "" : colon + 1;
	place->port.len = strlen(place->port.text);
}

/* The port that an origin's scheme has if none is written; "" if unknown. */
static const char *
origin_default_port(const char *origin)
{
	if (strncasecmp(origin, "http://", 7) == 0)
		return "80";
	return strncasecmp(origin, "https://", 8) == 0 ? "443" : "";
}

static void
origin_fill_port(struct origin_place *place, const char *port)
{
	if (place->port.len > 0)
		return;
	place->port.text = port;
	place->port.len = strlen(port);
}

static bool
origin_is_equal(struct text_span a, struct text_span b)
{
	return a.len == b.len && strncasecmp(a.text, b.text, a.len) == 0;
}

bool
origin_is_of_host(const char *origin, const char *host)
{
	const char *own = strstr(origin, "://"),
		   *port = origin_default_port(origin);
	struct origin_place a, b;

	if (own == NULL || *host == '\0')
		return false;
	origin_split(own + 3, &a);
	origin_split(host, &b);
	origin_fill_port(&a, port);
	origin_fill_port(&b, port);
	return a.host.len > 0 && origin_is_equal(a.host, b.host) &&
	    origin_is_equal(a.port, b.port);
}

/* Whether an origin is one of the settings', where capitals do not count. */
static bool
origin_is_setting(const char *origin, const char *setting)
{
	for (; *setting != '\0'; setting++, origin++)
		if (tolower((unsigned char)*setting) != *origin)
			return false;
	return *origin == '\0';
}

bool
origin_is_named(const char *origin, const struct config *config)
{
	const struct config_list *allowed = &config->allow_origin;
	size_t i;

	for (i = 0; i < allowed->count; i++)
		if (strcmp(allowed->items[i], "*") != 0 &&
		    origin_is_setting(origin, allowed->items[i]))
			return true;
	return false;
}

bool
origin_is_own(const struct request *request, const struct config *config)
{
	const char *origin = request_get(request, "HTTP_ORIGIN");
	const char *site = request_get(request, "HTTP_SEC_FETCH_SITE");

	if (*origin != '\0' && origin_is_named(origin, config))
		return true;
	/*
	 * A browser says in Sec-Fetch-Site whether another site's page made it
	 * ask, also if it sends no Origin, or one that differs by scheme or
	 * port alone, which Host need not tell.  A client that is no browser
	 * sends neither.
	 */
	if (*site != '\0' && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return false;
	return *origin == '\0' ||
	    origin_is_of_host(origin, request_get(request, "HTTP_HOST"));
}
