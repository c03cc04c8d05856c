/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* crier doctor --store without a Redis: what is said of what it found. */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "doctor/checkup_redis.h"
#include "store/redis_script.h"

#define GOOD_INFO                                                       \
	"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n" \
	"run_id:abc\r\nuptime_in_seconds:5\r\nmaxclients:10000\r\n"     \
	"used_memory:1048576\r\nmaxmemory:0\r\n"                        \
	"total_system_memory:1073741824\r\nevicted_keys:0\r\n"          \
	"maxmemory_policy:noeviction\r\naof_enabled:1\r\n"              \
	"aof_last_write_status:ok\r\nrdb_last_bgsave_status:ok\r\n"     \
	"role:master\r\nconnected_slaves:0\r\n"

/* One thing that is not as it should be: a line of INFO, or a member. */
struct found {
	const char *check, *from, *to; /* within INFO */
	const char *text, *directive;  /* parts of what is said */
	enum verdict verdict;
	enum store_durability durability;
	const char *fsync, *lazy, *least, *denied, *refused;
	uint64_t ping_us;
	int64_t clock_ms;
	bool is_key_denied;
	enum checkup_replay replay;
};

static const struct found faults[] = {
	{ "server", "redis_version:7.0.15", "redis_version:6.2.9",
	    "its version is 6.2.9", "7.0 or later", VERDICT_FAULT,
	    .durability = STORE_PROCESS },
	{ "server", "role:master",
	    "role:slave\r\nmaster_host:10.0.0.7\r\nmaster_port:6380",
	    "a replica", "redis://10.0.0.7:6380", VERDICT_FAULT,
	    .durability = STORE_PROCESS },
	{ "server", "redis_mode:standalone", "redis_mode:cluster", "cluster",
	    "cluster-enabled no", VERDICT_FAULT, .durability = STORE_PROCESS },
	{ "server", "redis_mode:standalone",
	    "redis_mode:standalone\r\nvalkey_version:8.1.1", "Valkey 8.1.1",
	    NULL, VERDICT_OK, .durability = STORE_PROCESS },
	{ "policy", "maxmemory_policy:noeviction",
	    "maxmemory_policy:allkeys-lru", "allkeys-lru",
	    "maxmemory-policy noeviction\n", VERDICT_FAULT,
	    .durability = STORE_PROCESS },
	{ "policy", "evicted_keys:0", "evicted_keys:12", "12 keys",
	    "CONFIG RESETSTAT", VERDICT_WARNING, .durability = STORE_PROCESS },
	{ "memory", "maxmemory:0", "maxmemory:1200000",
	    "1.0 MiB of maxmemory 1.1 MiB", "maxmemory 4mb\n", VERDICT_WARNING,
	    .durability = STORE_PROCESS },
	{ "memory", "maxmemory:0", "maxmemory:12000000",
	    "1.0 MiB of maxmemory 11 MiB", NULL, VERDICT_OK,
	    .durability = STORE_PROCESS },
	{ "memory", "total_system_memory:1073741824",
	    "total_system_memory:1200000", "the machine's", "maxmemory",
	    VERDICT_WARNING, .durability = STORE_PROCESS },
	{ "disk", "aof_enabled:1", "aof_enabled:0", "appendonly is off",
	    "appendfsync everysec\n", VERDICT_WARNING,
	    .durability = STORE_PROCESS },
	{ "disk", "aof_enabled:1", "aof_enabled:0", "appendonly is off",
	    "appendfsync always\n", VERDICT_FAULT, .durability = STORE_POWER },
	{ "disk", "aof_enabled:1", "aof_enabled:0", "appendonly is off", NULL,
	    VERDICT_OK, .durability = STORE_NONE },
	{ "disk", "", "", "needs always", "appendfsync always\n", VERDICT_FAULT,
	    .durability = STORE_POWER },
	{ "disk", "", "", "needs to know", "ACL SETUSER ann +config|get\n",
	    VERDICT_FAULT, .durability = STORE_POWER, .fsync = "" },
	{ "disk", "", "", "always", NULL, VERDICT_OK, .durability = STORE_POWER,
	    .fsync = "always" },
	{ "disk", "aof_last_write_status:ok", "aof_last_write_status:err",
	    "could not write", "log", VERDICT_FAULT,
	    .durability = STORE_PROCESS },
	{ "disk", "rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err",
	    "could not write", "log", VERDICT_FAULT,
	    .durability = STORE_PROCESS },
	{ "replay", "", "", "may not XADD", "user default off ~* &* +@all\n",
	    VERDICT_FAULT, .replay = CHECKUP_REPLAY_MAY_NOT },
	{ "replay", "", "", "ACL is not for this user", NULL, VERDICT_NONE,
	    .replay = CHECKUP_REPLAY_UNKNOWN },
	{ "expiry", "", "", "at once", "lazyfree-lazy-expire yes\n",
	    VERDICT_WARNING, .lazy = "no" },
	{ "expiry", "", "", "CONFIG", NULL, VERDICT_NONE, .lazy = "" },
	{ "replicas", "connected_slaves:0",
	    "connected_slaves:1\r\nslave0:ip=a,port=1,state=online,lag=1",
	    "do not depend", "min-replicas-to-write 1\n", VERDICT_WARNING,
	    .durability = STORE_PROCESS },
	{ "replicas", "connected_slaves:0",
	    "connected_slaves:2\r\nslave0:ip=a,port=1,state=online,lag=1\r\n"
	    "slave1:ip=b,port=1,state=online,lag=3\r\n"
	    "min_slaves_good_slaves:2",
	    "2, behind by 3 s", NULL, VERDICT_OK, .durability = STORE_PROCESS },
	{ "replicas", "connected_slaves:0",
	    "connected_slaves:1\r\nslave0:ip=a,port=1,state=online,lag=11\r\n"
	    "min_slaves_good_slaves:1",
	    "behind by 11 s", "min-replicas-max-lag 10\n", VERDICT_WARNING,
	    .durability = STORE_PROCESS },
	{ "replicas", "connected_slaves:0",
	    "connected_slaves:0\r\nmin_slaves_good_slaves:0", "takes no writes",
	    NULL, VERDICT_WARNING, .durability = STORE_PROCESS, .least = "1" },
	{ "rights", "", "", "may not: +lpop +xadd",
	    "ACL SETUSER ann ~{crier}:* +lpop +xadd\n", VERDICT_FAULT,
	    .denied = "+lpop +xadd" },
	{ "rights", "", "", "the prefix's keys", "~{crier}:*", VERDICT_FAULT,
	    .is_key_denied = true },
	{ "replicas", "connected_slaves:0",
	    "connected_slaves:0\r\nmin_slaves_good_slaves:0", "takes no writes",
	    NULL, VERDICT_WARNING, .durability = STORE_PROCESS, .least = "" },
	{ "writes", "", "", "refused: MISCONF", "df -h", VERDICT_FAULT,
	    .refused = "MISCONF it cannot save" },
	{ "writes", "", "", "refused: NOREPLICAS", "INFO replication\n",
	    VERDICT_FAULT, .refused = "NOREPLICAS Not enough" },
	{ "round trip", "", "", "20 ms", "near", VERDICT_WARNING,
	    .ping_us = 20000 },
	{ "clock", "", "", "1001 ms ahead of", "ntp", VERDICT_WARNING,
	    .clock_ms = 1001 },
	{ "clock", "", "", "5000 ms behind", "ntp", VERDICT_WARNING,
	    .clock_ms = -5000 },
	{ "clock", "", "", "999 ms behind", NULL, VERDICT_OK,
	    .clock_ms = -999 },
};

static char *
info_with(const char *from, const char *to)
{
	const char *at = strstr(GOOD_INFO, from);
	char *info;

	assert_non_null(at);
	assert_true(asprintf(&info, "%.*s%s%s", (int)(at - GOOD_INFO),
			GOOD_INFO, to, at + strlen(from)) > 0);
	return info;
}

static struct checkup_redis
as_found(const struct found *f)
{
	struct checkup_redis r = { .reach_us = 100,
		.ping_us = f->ping_us > 0 ? f->ping_us : 100,
		.ping_max_us = 30000,
		.script_us = 100,
		.clock_ms = f->clock_ms,
		.is_key_denied = f->is_key_denied,
		.replay = f->replay,
		.replay_denied = "XADD",
		.url = { .user = "ann", .prefix = "crier" } };

	r.info = info_with(f->from, f->to);
	snprintf(r.settings[CHECKUP_APPENDFSYNC], 32, "%s",
	    f->fsync == NULL ? "everysec" : f->fsync);
	snprintf(r.settings[CHECKUP_LAZYFREE], 32, "%s",
	    f->lazy == NULL ? "yes" : f->lazy);
	if (f->least != NULL)
		snprintf(r.settings[CHECKUP_MIN_REPLICAS], 32, "%s", f->least);
	if (f->denied != NULL)
		snprintf(r.denied, sizeof r.denied, "%s", f->denied);
	if (f->refused != NULL)
		snprintf(r.refused, sizeof r.refused, "%s", f->refused);
	return r;
}

static const struct checkup_check *
check_named(const struct checkup *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->count; i++)
		if (strcmp(u->checks[i].name, name) == 0)
			return &u->checks[i];
	print_error("no check %s\n", name);
	abort();
}

static void
test_faults(void **state)
{
	const struct checkup_check *c;
	const struct found *f;
	struct checkup_redis r;
	struct checkup u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		f = &faults[i];
		r = as_found(f);
		memset(&u, 0, sizeof u);
		u.durability = f->durability;
		checkup_judge(&u, &r);
		c = check_named(&u, f->check);
		if (c->verdict != f->verdict ||
		    strstr(c->text, f->text) == NULL)
			fail_msg("row %zu: %d, %s", i, c->verdict, c->text);
		assert_int_equal(c->where == NULL, f->directive == NULL);
		if (f->directive != NULL &&
		    strstr(c->directive, f->directive) == NULL)
			fail_msg("row %zu: %s", i, c->directive);
		free(r.info);
	}
}

/* Nothing is wrong with a good one. */
static void
test_good(void **state)
{
	const struct found none = {
		.from = "", .to = "", .replay = CHECKUP_REPLAY_MAY
	};
	struct checkup_redis r = as_found(&none);
	struct checkup u = { .durability = STORE_PROCESS };

	(void)state;
	checkup_judge(&u, &r);
	assert_int_equal(u.count, 13);
	assert_int_equal(checkup_count(&u, VERDICT_OK), u.count);
	free(r.info);
}

/* One that is not reached has but one check, and why. */
static void
test_away(void **state)
{
	static const struct {
		const char *why, *directive;
		bool is_away;
	} rows[] = {
		{ "Connection refused", "bind ADDRESS\n", true },
		{ "No such file or directory", "unixsocket PATH\n", true },
		{ "no word from it", "bind ADDRESS\n", true },
		{ "LOADING Redis is loading", "INFO persistence\n", true },
		{ "WRONGPASS invalid", "store-password-file = ", false },
		{ "NOAUTH Authentication required.",
		    "store-password-file = ", false },
		{ "Connection reset by peer", "tls-port", true },
		{ "it does not answer", "tls-port", true },
		{ "its certificate: self-signed", "?ca=FILE", false },
		{ "TLS: wrong version number", "tls-port", false },
	};
	struct checkup_redis r;
	struct checkup u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memset(&u, 0, sizeof u);
		memset(&r, 0, sizeof r);
		snprintf(r.why, sizeof r.why, "%s", rows[i].why);
		checkup_judge(&u, &r);
		assert_int_equal(u.count, 1);
		assert_int_equal(u.checks[0].verdict, VERDICT_FAULT);
		assert_string_equal(u.checks[0].text, rows[i].why);
		assert_non_null(strstr(u.checks[0].directive,
		    rows[i].directive));
		assert_int_equal(u.is_away, rows[i].is_away);
	}
}

/* What sentinels hold of the master. */
static void
test_watch(void **state)
{
	static const struct {
		size_t watched, down;
		uint64_t replicas;
		enum verdict verdict;
		const char *text, *directive;
	} rows[] = {
		{ 3, 0, 2, VERDICT_OK, "know: 2", NULL },
		{ 3, 1, 2, VERDICT_WARNING, "1 of 3", "REPLICAS m\n" },
		{ 3, 2, 2, VERDICT_FAULT, "2 of 3", "REPLICAS m\n" },
		{ 3, 3, 0, VERDICT_FAULT, "know: 0", "CKQUORUM m\n" },
		{ 3, 0, 0, VERDICT_WARNING, "no replica", "replicaof h 1\n" },
	};
	const struct checkup_check *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct checkup_redis r = { .why = "away",
			.sentinels = 3,
			.watched = rows[i].watched,
			.holding_down = rows[i].down,
			.replicas = rows[i].replicas,
			.master = { .name = "h", .port = "1" },
			.url = { .way = REDIS_SENTINEL,
			    .host_count = 3,
			    .master = "m" } };
		struct checkup u = { 0 };

		checkup_judge(&u, &r);
		c = check_named(&u, "watch");
		assert_int_equal(c->verdict, rows[i].verdict);
		assert_non_null(strstr(c->text, rows[i].text));
		assert_int_equal(c->where == NULL, rows[i].directive == NULL);
		if (rows[i].directive != NULL)
			assert_non_null(strstr(c->directive,
			    rows[i].directive));
	}
}

/* A user who may not ask INFO is told that and the rest all the same. */
static void
test_no_info(void **state)
{
	struct checkup_redis r = { .info = strdup("") };
	struct checkup u = { 0 };

	(void)state;
	checkup_judge(&u, &r);
	assert_non_null(strstr(check_named(&u, "rights")->text, "+info"));
	assert_int_equal(checkup_count(&u, VERDICT_FAULT), 1);
	free(r.info);
}

/* The history of nodes, and one that this crier does not know. */
static void
test_history(void **state)
{
	const struct found none = { .from = "", .to = "" };
	struct checkup_redis r = as_found(&none);
	struct checkup u = { 0 };

	(void)state;
	strcpy(r.last, "1700-3");
	strcpy(r.floor, "1600-0");
	strcpy(r.cuts, "1-0:2-0 ");
	strcpy(r.version, "1");
	r.nodes = 3;
	checkup_judge(&u, &r);
	assert_non_null(strstr(check_named(&u, "history")->text,
	    "3 nodes of the prefix crier now; newest id 1700-3"));
	strcpy(r.version, "2");
	memset(&u, 0, sizeof u);
	checkup_judge(&u, &r);
	assert_int_equal(check_named(&u, "history")->verdict, VERDICT_FAULT);
	/* What a server says cannot move the terminal's cursor. */
	strcpy(r.version, "\033[2J");
	memset(&u, 0, sizeof u);
	checkup_judge(&u, &r);
	assert_null(strchr(check_named(&u, "history")->text, '\033'));
	free(r.info);
}

/* What conf/redis/crier.acl gives is what is tried, and the reverse. */
static void
test_acl(void **state)
{
	char path[1024], line[2048], all[CHECKUP_ADVICE_SIZE], *word, *rest;
	const char *srcdir = getenv("srcdir");
	size_t words = 0, tried = 1, i;
	FILE *file;

	(void)state;
	checkup_rights_all(all);
	snprintf(path, sizeof path, "%s/conf/redis/crier.acl",
	    srcdir == NULL ? "." : srcdir);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		if (line[0] == '#')
			continue;
		for (word = strtok_r(line, " \n", &rest); word != NULL;
		     word = strtok_r(NULL, " \n", &rest)) {
			if (word[0] != '+')
				continue;
			words++;
			if (strstr(all, word) == NULL)
				fail_msg("%s is not tried", word);
		}
	}
	fclose(file);
	for (i = 0; all[i] != '\0'; i++)
		tried += all[i] == ' ';
	assert_int_equal(words, tried);
}

/* What the scripts call is tried as well. */
static void
test_scripts(void **state)
{
	char all[CHECKUP_ADVICE_SIZE], word[32], *text;
	const char *at;
	size_t i, n, calls = 0;

	(void)state;
	checkup_rights_all(all);
	for (i = 0; i < REDIS_SCRIPTS; i++) {
		text = strndup(redis_scripts[i].text, redis_scripts[i].len);
		assert_non_null(text);
		at = text;
		while ((at = strstr(at, "call('")) != NULL) {
			at += strlen("call('");
			word[0] = '+';
			for (n = 1; n < sizeof word - 1 && *at != '\''; n++)
				word[n] = (char)tolower((unsigned char)*at++);
			word[n] = '\0';
			calls++;
			if (strstr(all, word) == NULL)
				fail_msg("%s is not tried", word);
		}
		free(text);
	}
	assert_true(calls > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_no_info),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_acl),
		cmocka_unit_test(test_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
