/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "request/origin.h"
#include "request/viewer.h"

static bool
viewer_is_loopback(const char *address)
{
	static const char mapped[] = "::ffff:";
	struct in6_addr six;
	struct in_addr four;

	if (strncasecmp(address, mapped, strlen(mapped)) == 0)
		address += strlen(mapped);
	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six);
}

/* What proxies add; the address is then theirs. */
static bool
viewer_is_forwarded(const struct request *request)
{
	static const char *const fields[] = { "HTTP_FORWARDED", "HTTP_VIA",
		"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST",
		"HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_CF_CONNECTING_IP",
		"HTTP_TRUE_CLIENT_IP" };
	size_t i;

	for (i = 0; i < sizeof fields / sizeof *fields; i++)
		if (*request_get(request, fields[i]) != '\0')
			return true;
	return false;
}

/*
 * Whether a field Host, HOST[:PORT], is a name of the loopback.  A page whose
 * own name its owner has pointed to 127.0.0.1 (DNS rebinding) has another one.
 */
static bool
viewer_is_local_host(const char *host)
{
	static const char domain[] = ".localhost";
	char name[256];
	size_t len;

	if (*host == '[')
		return strncmp(host, "[::1]", 5) == 0 &&
		    strchr(":", host[5]) != NULL;
	len = strcspn(host, ":");
	if (len >= sizeof name)
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0 || viewer_is_loopback(name))
		return true;
	return len > strlen(domain) &&
	    strcasecmp(name + len - strlen(domain), domain) == 0;
}

bool
viewer_is_local(const struct request *request)
{
	const char *host = request_get(request, "HTTP_HOST");
	const char *origin = request_get(request, "HTTP_ORIGIN");

	return viewer_is_loopback(request_get(request, "REMOTE_ADDR")) &&
	    !viewer_is_forwarded(request) && viewer_is_local_host(host) &&
	    (*origin == '\0' || origin_is_of_host(origin, host));
}

static bool
viewer_has_token(const struct access_who *who)
{
	static const struct text_span stats = { "$stats", 6 };
	static const struct text_span streams = { "$streams", 8 };

	return who->has_token && token_names(&who->token.subscribe, stats) &&
	    token_names(&who->token.subscribe, streams);
}

enum access_result
viewer_check(const struct config_route *route, const struct request *request,
    const struct access_who *who)
{
	uint64_t viewers = route->viewers;
	bool is_user = *request_get(request, "REMOTE_USER") != '\0';

	if ((viewers & CONFIG_ANYONE) != 0 ||
	    ((viewers & CONFIG_USER) != 0 && is_user) ||
	    ((viewers & CONFIG_TOKEN) != 0 && viewer_has_token(who)) ||
	    ((viewers & CONFIG_LOCAL) != 0 && viewer_is_local(request)))
		return ACCESS_GRANTED;
	/* To log in helps whoever has not. */
	return (viewers & (CONFIG_USER | CONFIG_TOKEN)) != 0 && !is_user &&
		!who->has_token
	    ? ACCESS_LOGIN
	    : ACCESS_DENIED;
}
