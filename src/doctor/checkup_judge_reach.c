/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor/checkup_redis.h"

#define REACH_TLS "tls-port 6380\ntls-cert-file FILE\ntls-key-file FILE\n"
#define REACH_TLS_WHY \
	"rediss:// is for a port that speaks TLS, redis:// for all others"

/* Why it could not be reached, by a part of what was said. */
static const struct {
	const char *part;
	bool is_for_now; /* it may be there soon */
	const char *where, *directive, *why;
} reach_reasons[] = {
	{ "WRONGPASS", false, IN_CRIER,
	    "store = \"redis://USER@HOST\"\nstore-password-file = \"FILE\"\n",
	    "the file has the password of that user alone" },
	{ "NOAUTH", false, IN_CRIER, "store-password-file = \"FILE\"\n",
	    "the server asks for a password" },
	{ "ERR AUTH", false, IN_CRIER, "store-password-file = \"\"\n",
	    "the server has no password for this user" },
	{ "ERR DB", false, IN_CRIER, "store = \"redis://HOST/0\"\n",
	    "the server has no such database" },
	{ "NOPERM", false, IN_CLI, "ACL SETUSER USER +auth +hello +select\n",
	    NULL },
	{ "its certificate", false, IN_CRIER,
	    "store = \"rediss://HOST?ca=FILE\"\n",
	    "HOST is the name in the certificate, and FILE has who signed "
	    "it" },
	{ "does not answer", true, IN_REDIS, REACH_TLS, REACH_TLS_WHY },
	{ "TLS", false, IN_REDIS, REACH_TLS, REACH_TLS_WHY },
	{ "reset by peer", true, IN_REDIS, REACH_TLS, REACH_TLS_WHY },
	{ "LOADING", true, IN_CLI, "INFO persistence\n",
	    "it reads its file, and says how far it is" },
	{ "No such file", true, IN_REDIS,
	    "unixsocket PATH\nunixsocketperm 770\n",
	    "it must run, and have this socket" },
	{ "Permission denied", false, IN_REDIS,
	    "unixsocketperm 770, and this user in its group\n", NULL },
	{ "", true, IN_REDIS, "bind ADDRESS\nport 6379\n",
	    "it must run, and listen where this machine may reach it" },
};

/* Whether a failover is under way, or there could be none. */
static void
reach_watch(struct checkup *u, const struct checkup_redis *r)
{
	struct checkup_check *c;

	if (r->holding_down > 0) {
		c = checkup_add(u, "watch",
		    r->holding_down > r->watched / 2 ? VERDICT_FAULT
						     : VERDICT_WARNING,
		    "%zu of %zu sentinels hold the master for down; replicas "
		    "that they know: %" PRIu64,
		    r->holding_down, r->watched, r->replicas);
		checkup_advise(c, "at each sentinel",
		    "most of them must agree, and know a replica that was near "
		    "the master, to make it the new one; their logs say why not",
		    "SENTINEL CKQUORUM %s\nSENTINEL REPLICAS %s\n",
		    r->url.master, r->url.master);
		return;
	}
	if (r->replicas == 0) {
		c = checkup_add(u, "watch", VERDICT_WARNING,
		    "the sentinels know no replica: nothing takes the master's "
		    "place");
		checkup_advise(c, "in a replica's redis.conf",
		    "a replica must log in at the master, masteruser and "
		    "masterauth, and sentinels at both",
		    "replicaof %s %s\n", r->master.name, r->master.port);
		return;
	}
	checkup_add(u, "watch", VERDICT_OK,
	    "%zu sentinels hold the master for up; replicas that they know: "
	    "%" PRIu64,
	    r->watched, r->replicas);
}

/* How many of the sentinels know the master; false: none of them. */
static bool
reach_sentinels(struct checkup *u, const struct checkup_redis *r)
{
	bool is_all = r->sentinels == r->url.host_count;
	bool is_most = r->sentinels > r->url.host_count / 2;
	char host[REDIS_URL_HOST_TEXT_SIZE] = "";
	struct checkup_check *c;

	if (!redis_url_has_sentinels(&r->url))
		return true;
	if (r->master.name[0] != '\0')
		redis_url_format_host(&r->master, host);
	c = checkup_add(u, "sentinels",
	    is_all        ? VERDICT_OK
		: is_most ? VERDICT_WARNING
			  : VERDICT_FAULT,
	    "%zu of %zu name a master for %s%s%s", r->sentinels,
	    r->url.host_count, r->url.master,
	    *host == '\0' && *r->why == '\0' ? "" : ": ",
	    *host == '\0' ? r->why : host);
	if (!is_all)
		checkup_advise(c, "in sentinel.conf, where one does not",
		    "a sentinel must run, listen where this machine may reach "
		    "it, and watch the master by this name; its password is "
		    "the second line of store-password-file",
		    "sentinel monitor %s HOST 6379 %zu\n", r->url.master,
		    r->url.host_count / 2 + 1);
	u->is_away = r->sentinels == 0;
	if (r->watched > 0)
		reach_watch(u, r);
	return r->sentinels > 0;
}

static bool
reach_server(struct checkup *u, const struct checkup_redis *r)
{
	struct checkup_check *c;
	char time[32];
	size_t i = 0;

	if (r->why[0] == '\0') {
		checkup_add(u, "reach", VERDICT_OK,
		    "connected and logged in after %s",
		    checkup_time(r->reach_us, time));
		return true;
	}
	while (strstr(r->why, reach_reasons[i].part) == NULL)
		i++;
	c = checkup_add(u, "reach", VERDICT_FAULT, "%s", r->why);
	checkup_advise(c, reach_reasons[i].where, reach_reasons[i].why, "%s",
	    reach_reasons[i].directive);
	u->is_away = reach_reasons[i].is_for_now;
	return false;
}

bool
checkup_judge_reach(struct checkup *u, const struct checkup_redis *r)
{
	return reach_sentinels(u, r) && reach_server(u, r);
}
