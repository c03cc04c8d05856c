/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "store/redis_command.h"
#include "store/redis_sentinel.h"

enum {
	REDIS_SENTINEL_POLL_MS = 1000
};

enum redis_sentinel_state {
	REDIS_SENTINEL_ASKED, /* it has neither answered nor failed so far */
	REDIS_SENTINEL_KNOWN, /* it names a master */
	REDIS_SENTINEL_FAILED /* why */
};

struct redis_sentinel {
	struct redis_sentinels *all;
	struct redis_link_peer peer;
	struct redis_link *link; /* NULL: the next poll makes one */
	bool is_up, is_asking;
	enum redis_sentinel_state state;
	struct redis_host master;
	char why[REDIS_LINK_WHY_SIZE];
};

struct redis_sentinels {
	struct event_base *base;
	const char *name; /* of the master, there */
	struct event *poll;
	redis_sentinels_cb *cb;
	void *arg;
	size_t count;
	struct redis_sentinel sentinels[REDIS_URL_HOSTS];
};

static bool
redis_sentinel_is_same(const struct redis_host *a, const struct redis_host *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->port, b->port) == 0;
}

static size_t
redis_sentinel_votes(const struct redis_sentinels *all,
    const struct redis_host *host)
{
	const struct redis_sentinel *t;
	size_t i, votes = 0;

	for (i = 0; i < all->count; i++) {
		t = &all->sentinels[i];
		votes += t->state == REDIS_SENTINEL_KNOWN &&
		    redis_sentinel_is_same(&t->master, host);
	}
	return votes;
}

/* Whether it names a master that none before it does. */
static bool
redis_sentinel_is_first(const struct redis_sentinels *all, size_t i)
{
	const struct redis_sentinel *t = &all->sentinels[i];
	size_t before;

	if (t->state != REDIS_SENTINEL_KNOWN)
		return false;
	for (before = 0; before < i; before++)
		if (all->sentinels[before].state == REDIS_SENTINEL_KNOWN &&
		    redis_sentinel_is_same(&all->sentinels[before].master,
			&t->master))
			return false;
	return true;
}

/* What more than half of them name, or NULL. */
static const struct redis_host *
redis_sentinel_most(const struct redis_sentinels *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (redis_sentinel_is_first(all, i) &&
		    2 * redis_sentinel_votes(all, &all->sentinels[i].master) >
			all->count)
			return &all->sentinels[i].master;
	return NULL;
}

/* Something has changed: told if there is anything to go by. */
static void
redis_sentinel_tell(struct redis_sentinels *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->sentinels[i].state == REDIS_SENTINEL_ASKED &&
		    redis_sentinel_most(all) == NULL)
			return;
	all->cb(all->arg);
}

static void
redis_sentinel_fail(struct redis_sentinel *t, const char *why)
{
	char host[REDIS_URL_HOST_TEXT_SIZE];

	if (t->state == REDIS_SENTINEL_FAILED && strcmp(t->why, why) == 0)
		return;
	redis_url_format_host(t->peer.host, host);
	log_error("store: sentinel %s: %s", host, why);
	t->state = REDIS_SENTINEL_FAILED;
	snprintf(t->why, sizeof t->why, "%s", why);
	redis_sentinel_tell(t->all);
}

static void
redis_sentinel_learn(struct redis_sentinel *t, const struct redis_host *master)
{
	char host[REDIS_URL_HOST_TEXT_SIZE], named[REDIS_URL_HOST_TEXT_SIZE];

	if (t->state == REDIS_SENTINEL_KNOWN &&
	    redis_sentinel_is_same(&t->master, master))
		return;
	redis_url_format_host(t->peer.host, host);
	redis_url_format_host(master, named);
	log_info("store: sentinel %s: the master is %s", host, named);
	t->state = REDIS_SENTINEL_KNOWN;
	t->master = *master;
	redis_sentinel_tell(t->all);
}

static bool
redis_sentinel_read(const redisReply *reply, struct redis_host *master)
{
	const redisReply *name, *port;
	char text[REDIS_URL_HOST_TEXT_SIZE];
	bool is_v6;
	int n;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return false;
	name = reply->element[0];
	port = reply->element[1];
	if (name->type != REDIS_REPLY_STRING ||
	    port->type != REDIS_REPLY_STRING)
		return false;
	is_v6 = strchr(name->str, ':') != NULL;
	n = snprintf(text, sizeof text, is_v6 ? "[%s]:%s" : "%s:%s", name->str,
	    port->str);
	return n > 0 && (size_t)n < sizeof text &&
	    redis_url_read_host(text, (size_t)n, "", master) == 0;
}

static void
redis_sentinel_reply_cb(void *arg, const redisReply *reply)
{
	struct redis_sentinel *t = arg;
	struct redis_host master;
	char why[REDIS_LINK_WHY_SIZE];

	t->is_asking = false;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_sentinel_fail(t, reply->str);
	else if (reply->type == REDIS_REPLY_NIL) {
		snprintf(why, sizeof why, "it knows no master named %s",
		    t->all->name);
		redis_sentinel_fail(t, why);
	} else if (!redis_sentinel_read(reply, &master))
		redis_sentinel_fail(t, "its answer is no sentinel's");
	else
		redis_sentinel_learn(t, &master);
}

static void
redis_sentinel_down_cb(void *arg, const char *why)
{
	struct redis_sentinel *t = arg;

	redis_link_free(t->link);
	t->link = NULL;
	t->is_up = t->is_asking = false;
	redis_sentinel_fail(t, why);
}

static void
redis_sentinel_ask(struct redis_sentinel *t)
{
	struct redis_command c;

	if (!t->is_up || t->is_asking)
		return;
	if (redis_command_begin(&c, 3) == -1)
		return;
	redis_command_add_text(&c, "SENTINEL");
	redis_command_add_text(&c, "get-master-addr-by-name");
	redis_command_add_text(&c, t->all->name);
	t->is_asking =
	    redis_link_send(t->link, &c.words, redis_sentinel_reply_cb, t) == 0;
	redis_command_clear(&c);
}

static void
redis_sentinel_up_cb(void *arg)
{
	struct redis_sentinel *t = arg;

	t->is_up = true;
	redis_sentinel_ask(t);
}

static void
redis_sentinel_connect(struct redis_sentinel *t)
{
	struct redis_link_owner owner = { .up = redis_sentinel_up_cb,
		.down = redis_sentinel_down_cb,
		.arg = t };

	t->link = redis_link_new(t->all->base, &t->peer, &owner);
	if (t->link == NULL)
		redis_sentinel_fail(t, "out of memory");
}

static void
redis_sentinel_poll_cb(evutil_socket_t fd, short what, void *arg)
{
	struct redis_sentinels *all = arg;
	struct redis_sentinel *t;

	(void)fd;
	(void)what;
	loop_set_timer(all->poll, REDIS_SENTINEL_POLL_MS);
	for (t = all->sentinels; t < all->sentinels + all->count; t++) {
		if (t->link == NULL)
			redis_sentinel_connect(t);
		else if (t->state == REDIS_SENTINEL_ASKED)
			redis_sentinel_fail(t, "it does not answer");
		else
			redis_sentinel_ask(t);
	}
}

struct redis_sentinels *
redis_sentinels_new(struct event_base *base, const struct redis_url *url,
    const struct redis_peer *peer, redis_sentinels_cb *cb, void *arg)
{
	struct redis_sentinels *all = calloc(1, sizeof *all);
	struct redis_sentinel *t;

	if (all == NULL)
		return NULL;
	all->base = base;
	all->name = url->master;
	all->cb = cb;
	all->arg = arg;
	for (; all->count < url->host_count; all->count++) {
		t = &all->sentinels[all->count];
		t->all = all;
		t->peer.host = &url->hosts[all->count];
		t->peer.tls = peer->link.tls;
		t->peer.user = url->sentinel_user;
		t->peer.password = peer->sentinel_password;
	}
	all->poll = evtimer_new(base, redis_sentinel_poll_cb, all);
	if (all->poll != NULL && loop_set_timer(all->poll, 0) == 0)
		return all;
	redis_sentinels_free(all);
	return NULL;
}

void
redis_sentinels_free(struct redis_sentinels *all)
{
	size_t i;

	if (all == NULL)
		return;
	for (i = 0; i < all->count; i++)
		redis_link_free(all->sentinels[i].link);
	if (all->poll != NULL)
		event_free(all->poll);
	free(all);
}

/* The nth of what they name, by votes; NULL: there are fewer. */
static const struct redis_host *
redis_sentinel_nth(const struct redis_sentinels *all, unsigned n)
{
	const struct redis_host *host;
	size_t votes, i;

	for (votes = all->count; votes > 0; votes--)
		for (i = 0; i < all->count; i++) {
			host = &all->sentinels[i].master;
			if (redis_sentinel_is_first(all, i) &&
			    redis_sentinel_votes(all, host) == votes &&
			    n-- == 0)
				return host;
		}
	return NULL;
}

int
redis_sentinels_choose(const struct redis_sentinels *all, unsigned tries,
    struct redis_host *to, char why[REDIS_LINK_WHY_SIZE])
{
	const struct redis_sentinel *t = &all->sentinels[0];
	char host[REDIS_URL_HOST_TEXT_SIZE];
	unsigned named = 0;

	while (redis_sentinel_nth(all, named) != NULL)
		named++;
	if (named > 0) {
		*to = *redis_sentinel_nth(all, tries % named);
		return 0;
	}
	redis_url_format_host(t->peer.host, host);
	snprintf(why, REDIS_LINK_WHY_SIZE,
	    "no sentinel names a master; %.60s: %.60s", host, t->why);
	return -1;
}

bool
redis_sentinels_deny(const struct redis_sentinels *all,
    const struct redis_host *host)
{
	const struct redis_host *most = redis_sentinel_most(all);

	return most != NULL && !redis_sentinel_is_same(most, host);
}

size_t
redis_sentinels_count(const struct redis_sentinels *all)
{
	size_t i, count = 0;

	for (i = 0; i < all->count; i++)
		count += all->sentinels[i].state == REDIS_SENTINEL_KNOWN;
	return count;
}
