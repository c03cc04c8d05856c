/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "doctor/advice.h"
#include "doctor/advice_table.h"

enum {
	/*
	 * mod_proxy_fcgi lets go after 4096 bytes, mod_fcgid after 65536
	 * (FcgidOutputBufferSize).
	 */
	APACHE_MANAGED_HELD = 32 * 1024
};

/*
 * Whether advice for one attachment is good for another, too.  Only Apache has
 * a module of its own for processes that it starts; elsewhere it does not
 * matter who started crierd.
 */
static bool
advice_is_for(const struct advice *a, enum attachment attachment)
{
	if (a->attachment == ATTACHED_UNKNOWN ||
	    attachment == ATTACHED_UNKNOWN || a->attachment == attachment)
		return true;
	return a->server != SERVER_APACHE &&
	    a->attachment == ATTACHED_FASTCGI && attachment == ATTACHED_MANAGED;
}

const struct advice *
advice_next(const struct advice *previous, enum server server,
    enum attachment attachment, enum fault fault)
{
	const struct advice *a = previous == NULL ? advice_table : previous + 1;

	for (; a < advice_table + advice_count; a++) {
		if (a->fault != fault)
			continue;
		if (a->server != SERVER_UNKNOWN && server != SERVER_UNKNOWN &&
		    a->server != server)
			continue;
		if (advice_is_for(a, attachment))
			return a;
	}
	return NULL;
}

static const struct {
	const char *name;
	const char *header; /* how a Server header of it begins */
} advice_servers[] = {
	[SERVER_UNKNOWN] = { "unknown", NULL },
	[SERVER_NGINX] = { "nginx", "nginx" },
	[SERVER_APACHE] = { "apache", "Apache" },
	[SERVER_LIGHTTPD] = { "lighttpd", "lighttpd" },
	[SERVER_HAPROXY] = { "haproxy", "HAProxy" },
	[SERVER_CADDY] = { "caddy", "Caddy" },
	[SERVER_H2O] = { "h2o", "h2o" },
};

enum {
	ADVICE_SERVERS = sizeof advice_servers / sizeof advice_servers[0]
};

enum server
advice_server(const char *header)
{
	const char *begin;
	size_t i;

	for (i = SERVER_UNKNOWN + 1; i < ADVICE_SERVERS; i++) {
		begin = advice_servers[i].header;
		if (strncasecmp(header, begin, strlen(begin)) == 0)
			return (enum server)i;
	}
	return SERVER_UNKNOWN;
}

bool
advice_server_named(const char *name, enum server *server)
{
	size_t i;

	for (i = 0; i < ADVICE_SERVERS; i++) {
		if (strcasecmp(name, advice_servers[i].name) == 0) {
			*server = (enum server)i;
			return true;
		}
	}
	return false;
}

/* mod_proxy_fcgi may stand ahead of processes that hand over, too. */
static enum attachment
advice_apache_module(uint64_t held_bytes, enum attachment otherwise)
{
	if (held_bytes == UINT64_MAX || held_bytes == 0)
		return otherwise;
	return held_bytes >= APACHE_MANAGED_HELD ? ATTACHED_MANAGED
						 : ATTACHED_FASTCGI;
}

enum attachment
advice_attachment(const char *door, enum server server, uint64_t held_bytes)
{
	enum attachment way = ATTACHED_UNKNOWN;

	/* "passed": mod_crier, which asks by FastCGI for what it passes on. */
	if (strcmp(door, "fastcgi") == 0 || strcmp(door, "passed") == 0)
		return ATTACHED_FASTCGI;
	if (strcmp(door, "cgi") == 0)
		return ATTACHED_CGI;
	if (strcmp(door, "fastcgi-handoff") == 0)
		way = ATTACHED_MANAGED;
	return server == SERVER_APACHE ? advice_apache_module(held_bytes, way)
				       : way;
}

const char *
advice_server_name(enum server server)
{
	return advice_servers[server].name;
}

const char *
advice_attachment_name(enum attachment attachment)
{
	static const char *const names[] = {
		[ATTACHED_UNKNOWN] = "unknown",
		[ATTACHED_FASTCGI] = "fastcgi",
		[ATTACHED_MANAGED] = "fastcgi by handoff",
		[ATTACHED_CGI] = "cgi by handoff",
	};

	return names[attachment];
}

const char *
advice_fault_name(enum fault fault)
{
	static const char *const names[] = {
		[FAULT_NONE] = "none",
		[FAULT_CERTIFICATE] = "certificate",
		[FAULT_NOT_FOUND] = "not-found",
		[FAULT_DENIED] = "denied",
		[FAULT_GATEWAY] = "gateway",
		[FAULT_STATUS] = "status",
		[FAULT_TYPE] = "type",
		[FAULT_STAND_IN] = "stand-in",
		[FAULT_OTHER_CRIERD] = "other-crierd",
		[FAULT_SOME_CRIERD] = "several-crierds",
		[FAULT_FULL] = "full",
		[FAULT_CACHE] = "cache-control",
		[FAULT_COMPRESSED] = "compressed",
		[FAULT_HELD] = "held-back",
		[FAULT_SLOW] = "slow",
		[FAULT_CUT] = "cut-off",
		[FAULT_MAX_TIME] = "max-time",
		[FAULT_NO_HEARTBEAT] = "no-heartbeat",
		[FAULT_HEARTBEAT_OFF] = "heartbeat-off",
		[FAULT_LEAVING_LATE] = "leaving-late",
		[FAULT_LEAVING_NEVER] = "leaving-unnoticed",
		[FAULT_THREADS] = "threads",
		[FAULT_MPM] = "mpm",
		[FAULT_LAST_EVENT_ID] = "last-event-id",
		[FAULT_GAP] = "gap",
	};

	return names[fault];
}
