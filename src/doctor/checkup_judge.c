/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checkup_redis.h"
#include "store/redis_info.h"

enum {
	JUDGE_FAR_US = 5000, /* each batch waits for a round trip */
	JUDGE_CLOCK_MS = 1000,
	JUDGE_LAG_S = 10, /* longer than ids leap after a failover */
	JUDGE_FULL_PERCENT = 80,
	JUDGE_STATE_VERSION = 1
};

struct judge_value {
	char text[64];
};

/* A line of INFO, or "". */
static struct judge_value
judge_info(const struct checkup_redis *r, const char *name)
{
	struct judge_value v = { "" };

	if (r->info == NULL ||
	    !redis_info_find(r->info, name, v.text, sizeof v.text))
		v.text[0] = '\0';
	return v;
}

static uint64_t
judge_number(const struct checkup_redis *r, const char *name)
{
	return strtoull(judge_info(r, name).text, NULL, 10);
}

static bool
judge_is(const struct checkup_redis *r, const char *name, const char *value)
{
	return strcmp(judge_info(r, name).text, value) == 0;
}

static const char *
judge_user(const struct checkup_redis *r)
{
	return *r->url.user == '\0' ? "default" : r->url.user;
}

/* Its version, and whether it is a master, as crierd would ask. */
static void
judge_server(struct checkup *u, const struct checkup_redis *r)
{
	char why[REDIS_INFO_WHY_SIZE];
	struct judge_value valkey = judge_info(r, "valkey_version");
	const char *wrong = redis_info_wrong(r->info, why);
	struct checkup_check *c;

	if (wrong != NULL && judge_is(r, "maxmemory_policy", "noeviction")) {
		c = checkup_add(u, "server", VERDICT_FAULT, "%s", wrong);
		if (judge_is(r, "role", "slave"))
			checkup_advise(c, IN_CRIER,
			    "crierd writes, and so needs the master",
			    "store = \"redis://%s:%s\"\n",
			    judge_info(r, "master_host").text,
			    judge_info(r, "master_port").text);
		else
			checkup_advise(c, "on the server", NULL,
			    "Redis 7.0 or later, or Valkey\n");
		return;
	}
	if (judge_is(r, "redis_mode", "cluster")) {
		c = checkup_add(u, "server", VERDICT_FAULT,
		    "it is one of a cluster, which crierd does not follow");
		checkup_advise(c, IN_REDIS,
		    "all keys of a prefix are in one slot: a cluster gains "
		    "nothing",
		    "cluster-enabled no\n");
		return;
	}
	checkup_add(u, "server", VERDICT_OK, "%s %s, %s, up for %" PRIu64 " s",
	    *valkey.text == '\0' ? "Redis" : "Valkey",
	    *valkey.text == '\0' ? judge_info(r, "redis_version").text
				 : valkey.text,
	    judge_info(r, "role").text, judge_number(r, "uptime_in_seconds"));
}

static void
judge_policy(struct checkup *u, const struct checkup_redis *r)
{
	uint64_t evicted = judge_number(r, "evicted_keys");
	struct checkup_check *c;

	if (!judge_is(r, "maxmemory_policy", "noeviction")) {
		c = checkup_add(u, "policy", VERDICT_FAULT,
		    "maxmemory-policy is %s: history would vanish without a "
		    "word",
		    judge_info(r, "maxmemory_policy").text);
		checkup_advise(c, IN_REDIS, "crierd does not use it otherwise",
		    "maxmemory-policy noeviction\n");
	} else if (evicted > 0) {
		c = checkup_add(u, "policy", VERDICT_WARNING,
		    "noeviction, but %" PRIu64 " keys went under another one",
		    evicted);
		checkup_advise(c, IN_CLI,
		    "their history is gone; this counts from zero again",
		    "CONFIG RESETSTAT\n");
	} else
		checkup_add(u, "policy", VERDICT_OK, "noeviction");
}

static void
judge_memory(struct checkup *u, const struct checkup_redis *r)
{
	uint64_t used = judge_number(r, "used_memory");
	uint64_t bound = judge_number(r, "maxmemory");
	uint64_t machine = judge_number(r, "total_system_memory");
	uint64_t of = bound > 0 ? bound : machine;
	bool is_much = of > 0 && used > of / 100 * JUDGE_FULL_PERCENT;
	char text[32], bound_text[32];
	struct checkup_check *c;

	c = checkup_add(u, "memory", is_much ? VERDICT_WARNING : VERDICT_OK,
	    bound > 0 ? "%s of maxmemory %s"
		      : "%s of the machine's %s, for "
			"there is no maxmemory",
	    checkup_size(used, text), checkup_size(of, bound_text));
	if (is_much)
		checkup_advise(c, IN_REDIS,
		    "a full one refuses events with exit status 75; keep-bytes "
		    "and keep-seconds in crier.conf keep less",
		    "maxmemory %" PRIu64 "mb\n", ((used >> 20) + 1) * 2);
}

/* What is left when the server ends; the words are the advice's. */
static void
judge_disk_off(struct checkup *u)
{
	struct checkup_check *c = checkup_add(u, "disk",
	    u->durability == STORE_NONE        ? VERDICT_OK
		: u->durability == STORE_POWER ? VERDICT_FAULT
					       : VERDICT_WARNING,
	    "appendonly is off: what came since the last snapshot ends with "
	    "the server, and clients are told a gap");

	if (u->durability != STORE_NONE)
		checkup_advise(c, IN_REDIS, NULL,
		    "appendonly yes\nappendfsync %s\n",
		    u->durability == STORE_POWER ? "always" : "everysec");
}

static void
judge_disk(struct checkup *u, const struct checkup_redis *r)
{
	const char *fsync = r->settings[CHECKUP_APPENDFSYNC];
	bool is_always = strcmp(fsync, "always") == 0;
	bool is_sure = u->durability != STORE_POWER || is_always;
	struct checkup_check *c;

	if (judge_is(r, "aof_last_write_status", "err") ||
	    judge_is(r, "rdb_last_bgsave_status", "err")) {
		c = checkup_add(u, "disk", VERDICT_FAULT,
		    "the server could not write its file the last time");
		checkup_advise(c, "on the server",
		    "the server's log says why; it refuses all writes until "
		    "it can",
		    "df -h, and the log of redis-server\n");
		return;
	}
	if (!judge_is(r, "aof_enabled", "1")) {
		judge_disk_off(u);
		return;
	}
	c = checkup_add(u, "disk", is_sure ? VERDICT_OK : VERDICT_FAULT,
	    "appendonly, appendfsync %s; durability = %s%s",
	    *fsync == '\0' ? "unknown (CONFIG is not for this user)" : fsync,
	    store_durability_name[u->durability],
	    is_sure              ? ""
		: *fsync == '\0' ? " needs to know"
				 : " needs always");
	if (is_sure)
		return;
	if (*fsync == '\0')
		checkup_advise(c, IN_CLI,
		    "crierd looks every few seconds, and takes nothing until "
		    "it knows",
		    "ACL SETUSER %s +config|get\n", judge_user(r));
	else
		checkup_advise(c, IN_REDIS, NULL, "appendfsync always\n");
}

/* Whether the file that it keeps is read back whole. */
static void
judge_replay(struct checkup *u, const struct checkup_redis *r)
{
	struct checkup_check *c;

	if (!judge_is(r, "aof_enabled", "1"))
		return;
	if (r->replay == CHECKUP_REPLAY_MAY) {
		checkup_add(u, "replay", VERDICT_OK,
		    "ACL's user default may do what the file is read back by");
		return;
	}
	if (r->replay == CHECKUP_REPLAY_UNKNOWN) {
		checkup_add(u, "replay", VERDICT_NONE,
		    "ACL is not for this user: if its user default is off, let "
		    "that be \"user default off ~* &* +@all\"");
		return;
	}
	c = checkup_add(u, "replay", VERDICT_FAULT,
	    "ACL's user default may not %s on keys of the prefix: the history "
	    "is lost when the server is started again",
	    r->replay_denied);
	checkup_advise(c, IN_REDIS,
	    "the file is read back as this user, though it is off and nobody "
	    "can log in as it; while it runs, ACL SETUSER default ~* &* +@all",
	    "user default off ~* &* +@all\n");
}

/* Whether much that expires at once would stop the server. */
static void
judge_expiry(struct checkup *u, const struct checkup_redis *r)
{
	const char *lazy = r->settings[CHECKUP_LAZYFREE];
	struct checkup_check *c;

	if (*lazy == '\0') {
		checkup_add(u, "expiry", VERDICT_NONE,
		    "CONFIG is not for this user, as it should be");
		return;
	}
	if (strcmp(lazy, "yes") == 0) {
		checkup_add(u, "expiry", VERDICT_OK, "beside the work");
		return;
	}
	c = checkup_add(u, "expiry", VERDICT_WARNING,
	    "what expires is freed at once: many keys stop the server for a "
	    "second");
	checkup_advise(c, IN_REDIS, NULL, "lazyfree-lazy-expire yes\n");
}

/* The greatest lag of the replicas, in seconds. */
static uint64_t
judge_lag(const struct checkup_redis *r, uint64_t replicas)
{
	char name[16], line[256];
	uint64_t i, lag = 0, each;
	const char *at;

	for (i = 0; i < replicas && i < 64; i++) {
		snprintf(name, sizeof name, "slave%" PRIu64, i);
		if (!redis_info_find(r->info, name, line, sizeof line) ||
		    (at = strstr(line, "lag=")) == NULL)
			continue;
		each = strtoull(at + 4, NULL, 10);
		if (each > lag)
			lag = each;
	}
	return lag;
}

static void
judge_replicas(struct checkup *u, const struct checkup_redis *r)
{
	uint64_t replicas = judge_number(r, "connected_slaves");
	uint64_t lag = judge_lag(r, replicas);
	const char *least = r->settings[CHECKUP_MIN_REPLICAS];
	/* INFO has this line only where there is such a setting. */
	bool is_bounded = *judge_info(r, "min_slaves_good_slaves").text != '\0';
	struct checkup_check *c;

	if (replicas == 0 && !is_bounded && strtoull(least, NULL, 10) == 0) {
		checkup_add(u, "replicas", VERDICT_OK,
		    "none: the history is as safe as this one machine");
		return;
	}
	if (is_bounded && judge_number(r, "min_slaves_good_slaves") == 0) {
		checkup_add(u, "replicas", VERDICT_WARNING,
		    "%" PRIu64 ", and none is near enough for "
		    "min-replicas-to-write: it takes no writes now",
		    replicas);
		return;
	}
	if (lag <= JUDGE_LAG_S && is_bounded) {
		checkup_add(u, "replicas", VERDICT_OK,
		    "%" PRIu64 ", behind by %" PRIu64 " s at most", replicas,
		    lag);
		return;
	}
	c = checkup_add(u, "replicas", VERDICT_WARNING,
	    "%" PRIu64 ", behind by %" PRIu64 " s%s", replicas, lag,
	    is_bounded ? "" : ", and writes do not depend on them");
	checkup_advise(c, IN_REDIS,
	    "a failover loses what had not come to the replica; this bounds "
	    "how much that can be",
	    "min-replicas-to-write 1\nmin-replicas-max-lag 10\n");
}

static void
judge_rights(struct checkup *u, const struct checkup_redis *r)
{
	const char *user = judge_user(r);
	bool no_info = r->info == NULL || *r->info == '\0';
	struct checkup_check *c;

	if (*r->denied == '\0' && !r->is_key_denied && !no_info) {
		checkup_add(u, "rights", VERDICT_OK,
		    "the user %s may do all that crierd does", user);
		return;
	}
	c = checkup_add(u, "rights", VERDICT_FAULT,
	    "the user %s may not: %s%s%s", user, no_info ? "+info " : "",
	    r->denied,
	    r->is_key_denied ? " (and not use the prefix's keys)" : "");
	checkup_advise(c, IN_CLI, "conf/redis/crier.acl has all of it",
	    "ACL SETUSER %s ~{%s}:* %s%s\n", user, r->url.prefix,
	    no_info ? "+info " : "", r->denied);
}

/* What mends it, by the first word of what a server said. */
static const struct {
	const char *word, *where, *directive, *why;
} judge_refusals[] = {
	{ "NOREPLICAS", IN_CLI, "INFO replication\n",
	    "as many replicas as min-replicas-to-write says must be there and "
	    "near: bring one back; for the new master to have one there must "
	    "be two.  CONFIG SET min-replicas-to-write 0 takes events without, "
	    "and a failover may lose them" },
	{ "OOM", IN_REDIS, "maxmemory A-LARGER-ONE\n",
	    "or less keep, keep-bytes and keep-seconds in crier.conf" },
	{ "MISCONF", "on the server", "df -h, and the log of redis-server\n",
	    "it could not write its file, and refuses until it can" },
	{ "READONLY", IN_CLI, "INFO replication\n",
	    "it is a replica: crierd needs its master" },
	{ "MASTERDOWN", IN_CLI, "INFO replication\n",
	    "it is a replica: crierd needs its master" },
	{ "CLUSTERDOWN", IN_REDIS, "cluster-enabled no\n", NULL },
	{ "MOVED", IN_REDIS, "cluster-enabled no\n", NULL },
	{ "LOADING", IN_CLI, "INFO persistence\n",
	    "it reads its file, and says how far it is" },
	{ "BUSY", IN_CLI, "SCRIPT KILL\n", "another's script runs" },
};

static void
judge_refused(struct checkup *u, const struct checkup_redis *r)
{
	struct checkup_check *c =
	    checkup_add(u, "writes", VERDICT_FAULT, "refused: %s", r->refused);
	size_t i;

	for (i = 0; i < sizeof judge_refusals / sizeof judge_refusals[0]; i++)
		if (strncmp(r->refused, judge_refusals[i].word,
			strlen(judge_refusals[i].word)) == 0) {
			checkup_advise(c, judge_refusals[i].where,
			    judge_refusals[i].why, "%s",
			    judge_refusals[i].directive);
			return;
		}
}

static void
judge_writes(struct checkup *u, const struct checkup_redis *r)
{
	if (r->gone[0] != '\0') {
		checkup_add(u, "writes", VERDICT_FAULT,
		    "the connection ended: %s", r->gone);
		u->is_away = true;
	} else if (r->refused[0] != '\0')
		judge_refused(u, r);
	else if (*r->denied == '\0' && !r->is_key_denied)
		checkup_add(u, "writes", VERDICT_OK,
		    "keys of each kind were written, read and removed");
	else
		checkup_add(u, "writes", VERDICT_NONE, "not all were allowed");
}

static void
judge_time(struct checkup *u, const struct checkup_redis *r)
{
	char ping[32], slowest[32], script[32] = "not allowed";
	bool is_far = r->ping_us > JUDGE_FAR_US;
	struct checkup_check *c;

	if (r->script_us > 0)
		checkup_time(r->script_us, script);
	c = checkup_add(u, "round trip", is_far ? VERDICT_WARNING : VERDICT_OK,
	    "%s, the slowest of %d %s; a script %s",
	    checkup_time(r->ping_us, ping), CHECKUP_PINGS,
	    checkup_time(r->ping_max_us, slowest), script);
	if (is_far)
		checkup_advise(c, IN_CRIER,
		    "every event waits for one, and is that much later on all "
		    "pages",
		    "store = a Redis that is near\n");
}

static void
judge_clock(struct checkup *u, const struct checkup_redis *r)
{
	bool is_off = llabs(r->clock_ms) > JUDGE_CLOCK_MS;
	struct checkup_check *c =
	    checkup_add(u, "clock", is_off ? VERDICT_WARNING : VERDICT_OK,
		"the server's is %" PRId64 " ms %s this machine's",
		r->clock_ms < 0 ? -r->clock_ms : r->clock_ms,
		r->clock_ms < 0 ? "behind" : "ahead of");

	if (is_off)
		checkup_advise(c, "on the machine that is wrong",
		    "ids have the server's time, and since=SECONDS is counted "
		    "by it",
		    "timedatectl set-ntp true\n");
}

/* What nodes have left there. */
static void
judge_history(struct checkup *u, const struct checkup_redis *r)
{
	struct checkup_check *c;
	size_t cuts = 0;
	const char *at;

	if (r->last[0] == '\0') {
		checkup_add(u, "history", VERDICT_OK,
		    "none of the prefix %s yet: the first crierd makes it",
		    r->url.prefix);
		return;
	}
	if (strtoul(r->version, NULL, 10) != JUDGE_STATE_VERSION) {
		c = checkup_add(u, "history", VERDICT_FAULT,
		    "the prefix %s has another crier's history, of version %s",
		    r->url.prefix, r->version);
		checkup_advise(c, IN_CRIER, NULL,
		    "store = \"redis://HOST?prefix=ANOTHER\"\n");
		return;
	}
	for (at = r->cuts; (at = strchr(at, ':')) != NULL; at++)
		cuts++;
	checkup_add(u, "history", VERDICT_OK,
	    "%" PRIu64 " node%s of the prefix %s now; newest id %s, whole "
	    "since %s%s",
	    r->nodes, r->nodes == 1 ? "" : "s", r->url.prefix, r->last,
	    r->floor, cuts > 0 ? ", and the server was started again" : "");
}

void
checkup_judge(struct checkup *u, const struct checkup_redis *r)
{
	if (!checkup_judge_reach(u, r))
		return;
	if (r->info != NULL && *r->info != '\0') {
		judge_server(u, r);
		judge_policy(u, r);
		judge_memory(u, r);
		judge_disk(u, r);
		judge_replay(u, r);
		judge_expiry(u, r);
		judge_replicas(u, r);
	}
	judge_rights(u, r);
	judge_writes(u, r);
	judge_time(u, r);
	judge_clock(u, r);
	judge_history(u, r);
}
