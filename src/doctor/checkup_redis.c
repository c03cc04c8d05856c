/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Asks a Redis what it is and what it lets crierd do.  Keys of nodes are read
 * alone; what is written are keys of the doctor's own.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "doctor/ask.h"
#include "doctor/checkup_redis.h"
#include "protocol/client.h"
#include "store/redis_peer.h"
#include "store/redis_sentinel.h"

enum {
	CHECKUP_SENTINELS_US = 2000 * 1000,
	CHECKUP_NODE_MS = 15000, /* a node that was not heard of is gone */
	CHECKUP_STATE_ITEMS = 5
};

const char *const checkup_setting_name[CHECKUP_SETTINGS] = {
	[CHECKUP_APPENDFSYNC] = "appendfsync",
	[CHECKUP_LAZYFREE] = "lazyfree-lazy-expire",
	[CHECKUP_MIN_REPLICAS] = "min-replicas-to-write",
};

/*
 * What it says of itself.  A user who may not ask is told that later; one who
 * is not let in, or a server that is none yet, has nothing else to say.
 */
static int
checkup_ask_info(struct checkup_redis *r, struct ask *a)
{
	static const char *const info[] = { "INFO" };

	if (ask_words(a, info, 1) == -1) {
		snprintf(r->why, sizeof r->why, "%s", a->why);
		return -1;
	}
	if (a->reply.type == REDIS_REPLY_ERROR &&
	    strncmp(a->reply.text, "NOPERM", 6) != 0) {
		snprintf(r->why, sizeof r->why, "%s", a->reply.text);
		return -1;
	}
	r->info =
	    strdup(a->reply.type == REDIS_REPLY_STRING ? a->reply.text : "");
	return r->info == NULL ? -1 : 0;
}

static int
checkup_ask_settings(struct checkup_redis *r, struct ask *a)
{
	const char *words[] = { "CONFIG", "GET", NULL };
	size_t i;

	for (i = 0; i < CHECKUP_SETTINGS; i++) {
		words[2] = checkup_setting_name[i];
		if (ask_words(a, words, 3) == -1)
			return -1;
		if (a->reply.item_count == 2)
			snprintf(r->settings[i], sizeof r->settings[i], "%s",
			    a->reply.items[1]);
	}
	return 0;
}

static int
checkup_less(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How long a command takes that does nothing, and one that runs a script. */
static int
checkup_ask_times(struct checkup_redis *r, struct ask *a)
{
	static const char *const ping[] = { "PING" };
	static const char *const script[] = { "EVAL",
		"#!lua flags=no-writes\nreturn redis.call('TIME')", "0" };
	uint64_t ping_us[CHECKUP_PINGS], script_us[CHECKUP_PINGS];
	size_t i;

	for (i = 0; i < CHECKUP_PINGS; i++) {
		if (ask_words(a, ping, 1) == -1)
			return -1;
		ping_us[i] = a->reply.us;
		if (ask_words(a, script, 3) == -1)
			return -1;
		script_us[i] =
		    a->reply.type == REDIS_REPLY_ARRAY ? a->reply.us : 0;
	}
	qsort(ping_us, i, sizeof ping_us[0], checkup_less);
	qsort(script_us, i, sizeof script_us[0], checkup_less);
	r->ping_us = ping_us[i / 2];
	r->ping_max_us = ping_us[i - 1];
	r->script_us = script_us[i / 2];
	return 0;
}

/* Its clock, as if it had answered in the middle of the time that took. */
static int
checkup_ask_clock(struct checkup_redis *r, struct ask *a)
{
	static const char *const words[] = { "TIME" };
	uint64_t began = clock_wall_ms();
	long long ms;

	if (ask_words(a, words, 1) == -1)
		return -1;
	if (a->reply.item_count != 2)
		return 0;
	ms = strtoll(a->reply.items[0], NULL, 10) * 1000 +
	    strtoll(a->reply.items[1], NULL, 10) / 1000;
	r->clock_ms = ms - (long long)(began + a->reply.us / 2000);
	return 0;
}

/* What nodes have written there, if any has. */
static int
checkup_ask_state(struct checkup_redis *r, struct ask *a)
{
	char key[REDIS_URL_PREFIX_MAX + 16], since[24];
	char *const to[CHECKUP_STATE_ITEMS] = { r->version, r->run, r->last,
		r->floor, r->cuts };
	const size_t sizes[CHECKUP_STATE_ITEMS] = { sizeof r->version,
		sizeof r->run, sizeof r->last, sizeof r->floor,
		sizeof r->cuts };
	const char *const state[] = { "HMGET", key, "version", "run", "last",
		"floor", "cuts" };
	const char *const nodes[] = { "ZCOUNT", key, since, "+inf" };
	size_t i;

	snprintf(key, sizeof key, "{%s}:state", r->url.prefix);
	if (ask_words(a, state, sizeof state / sizeof state[0]) == -1)
		return -1;
	for (i = 0; i < CHECKUP_STATE_ITEMS && i < a->reply.item_count; i++)
		snprintf(to[i], sizes[i], "%s", a->reply.items[i]);
	snprintf(key, sizeof key, "{%s}:nodes", r->url.prefix);
	snprintf(since, sizeof since, "%lld",
	    (long long)clock_wall_ms() + r->clock_ms - CHECKUP_NODE_MS);
	if (ask_words(a, nodes, sizeof nodes / sizeof nodes[0]) == -1)
		return -1;
	if (a->reply.type == REDIS_REPLY_INTEGER)
		r->nodes = (uint64_t)a->reply.number;
	return 0;
}

static void
checkup_sentinels_cb(void *arg)
{
	*(bool *)arg = true;
}

/*
 * Asks the sentinels: all of them, though more than half of them would do.  0,
 * or -1 and r->why.
 */
static int
checkup_find_master(struct checkup_redis *r, struct redis_peer *peer)
{
	uint64_t end = clock_monotonic_us() + CHECKUP_SENTINELS_US;
	const struct timeval turn = { .tv_usec = 20000 };
	struct event_base *base = event_base_new();
	struct redis_sentinels *all = NULL;
	bool is_told = false;
	int rc = -1;

	snprintf(r->why, sizeof r->why, "out of memory");
	if (base != NULL)
		all = redis_sentinels_new(base, &r->url, peer,
		    checkup_sentinels_cb, &is_told);
	while (all != NULL && clock_monotonic_us() < end &&
	    (!is_told || redis_sentinels_count(all) < r->url.host_count)) {
		event_base_loopexit(base, &turn);
		event_base_dispatch(base);
	}
	if (all != NULL) {
		r->sentinels = redis_sentinels_count(all);
		rc = redis_sentinels_choose(all, 0, &r->master, r->why);
	}
	redis_sentinels_free(all);
	if (base != NULL)
		event_base_free(base);
	if (rc == 0)
		r->why[0] = '\0';
	peer->link.host = &r->master;
	return rc;
}

/* A member of a list of names and values, or "". */
static const char *
checkup_member(const struct ask_reply *reply, const char *name)
{
	size_t i;

	for (i = 0; i + 1 < reply->item_count; i += 2)
		if (strcmp(reply->items[i], name) == 0)
			return reply->items[i + 1];
	return "";
}

/*
 * What each sentinel holds of the master.  One that may not be asked, or is
 * not there, says nothing: their number is told already.
 */
static void
checkup_ask_sentinels(struct checkup_redis *r, const struct redis_peer *peer)
{
	const char *const words[] = { "SENTINEL", "MASTER", r->url.master };
	struct redis_link_peer to = { .tls = peer->link.tls,
		.user = r->url.sentinel_user,
		.password = peer->sentinel_password };
	uint64_t replicas;
	const char *flags;
	struct ask a;
	size_t i;

	for (i = 0; i < r->url.host_count; i++) {
		to.host = &r->url.hosts[i];
		if (ask_open(&a, &to) == 0 && ask_words(&a, words, 3) == 0 &&
		    *(flags = checkup_member(&a.reply, "flags")) != '\0') {
			r->watched++;
			r->holding_down += strstr(flags, "_down") != NULL;
			replicas =
			    strtoull(checkup_member(&a.reply, "num-slaves"),
				NULL, 10);
			if (replicas > r->replicas)
				r->replicas = replicas;
		}
		ask_close(&a);
	}
}

static void
checkup_ask(struct checkup_redis *r, struct redis_peer *peer)
{
	static int (*const steps[])(struct checkup_redis *,
	    struct ask *) = { checkup_ask_info, checkup_ask_settings,
		checkup_ask_clock, checkup_ask_times, checkup_ask_state };
	uint64_t began = clock_monotonic_us();
	struct ask a;
	size_t i;

	if (redis_url_has_sentinels(&r->url)) {
		if (checkup_find_master(r, peer) == -1)
			return;
		checkup_ask_sentinels(r, peer);
	}
	if (ask_open(&a, &peer->link) == -1)
		snprintf(r->why, sizeof r->why, "%s", a.why);
	else {
		r->reach_us = clock_monotonic_us() - began;
		for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
			if (steps[i](r, &a) == -1)
				break;
		if (r->why[0] == '\0')
			checkup_rights(r, &a);
		if (r->why[0] == '\0')
			checkup_replay(r, &a);
		snprintf(r->gone, sizeof r->gone, "%s", a.why);
	}
	ask_close(&a);
}

/* The figures, for programs. */
static void
checkup_note(struct checkup *u, const struct checkup_redis *r)
{
	size_t i;

	json_add_string(u->measured, "kind", "redis");
	if (r->why[0] != '\0')
		return;
	json_add_number(u->measured, "reach_us", r->reach_us);
	json_add_number(u->measured, "ping_us", r->ping_us);
	json_add_number(u->measured, "ping_max_us", r->ping_max_us);
	json_add_number(u->measured, "script_us", r->script_us);
	json_add(u->measured, "clock_ms", json_object_new_int64(r->clock_ms));
	json_add_number(u->measured, "nodes", r->nodes);
	json_add_string(u->measured, "denied", r->denied);
	for (i = 0; i < CHECKUP_SETTINGS; i++)
		if (r->settings[i][0] != '\0')
			json_add_string(u->measured, checkup_setting_name[i],
			    r->settings[i]);
}

int
checkup_redis(struct checkup *u)
{
	struct checkup_redis r = { 0 };
	struct redis_peer peer;
	char *cause;
	int rc = 0;

	redis_url_read(u->store, &r.url);
	if (redis_peer_init(&peer, &r.url, u->password_file, &cause) == -1) {
		client_warn("%s", cause_text(cause));
		rc = EX_CONFIG;
		free(cause);
	} else {
		checkup_ask(&r, &peer);
		checkup_note(u, &r);
		checkup_judge(u, &r);
	}
	redis_peer_clear(&peer);
	free(r.info);
	return rc;
}
