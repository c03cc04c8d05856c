/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A history that several crierd share, in a Redis: each is a node.  All that is
 * published is a batch on one log, which every node reads; the log's order is
 * the order.  Beside it stand the channels' own lists, for who resumes, and the
 * publishers' keys.  A script does all of that in one step (publish.lua).
 *
 *	DOWN -> COMING -> HELLO -> LIVE
 *
 * A node has two connections, one for scripts (`talk`) and one on which it
 * reads the log (`tail`).  Whatever goes wrong on either ends both, and it
 * comes again.  redis_greet.c is the way to LIVE; redis_publish.c is batches on
 * their way; redis_ask.c questions to all nodes; redis_log.c what is read;
 *redis_read.c and redis_part.c who resumes; redis_beat.c what is said every few
 *seconds.  redis_blob.c and redis_entry.c are the bytes.
 *
 * What must stay true: a node appends what it read on the log, in its order and
 * without a hole, or with one that was told.  A batch is on the log, in its
 * channels and with its keys, or nowhere.  Ids only grow.  A publisher has its
 * reply when its own node has read the batch back.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "store/redis.h"

enum {
	REDIS_NODE_HOST = 15, /* characters of a host's name in a node's */
	REDIS_NODE_BYTES = 8  /* and random ones, before they are hexadecimal */
};

static const char *const redis_state_name[REDIS_STATES] = {
	[REDIS_DOWN] = "down",
	[REDIS_COMING] = "connecting",
	[REDIS_HELLO] = "hello",
	[REDIS_LIVE] = "live",
};

static void
store_redis_commit(struct store *store, struct batch *b)
{
	redis_outbox_take((struct store_redis *)store, b);
}

static void
store_redis_read(struct store *store, struct store_read *read)
{
	redis_reads_take((struct store_redis *)store, read);
}

static bool
store_redis_cancel(struct store *store, struct store_read *read)
{
	return redis_reads_cancel((struct store_redis *)store, read);
}

static const char *
store_redis_ask(struct store *store, const struct store_question *question)
{
	return redis_asks_take((struct store_redis *)store, question);
}

static void
store_redis_beat(struct store *store)
{
	redis_beat((struct store_redis *)store);
}

static void
store_redis_claim(struct store *store, struct text_span name,
    void (*claimed)(void *arg, enum store_claimed, const char *node), void *arg)
{
	redis_claims_take((struct store_redis *)store, name, claimed, arg);
}

static void
store_redis_release(struct store *store, struct text_span name)
{
	redis_claims_take((struct store_redis *)store, name, NULL, NULL);
}

static void
store_redis_leave(struct store *store, void (*left)(void *arg), void *arg)
{
	redis_beat_leave((struct store_redis *)store, left, arg);
}

static void
store_redis_add_id(struct json_object *o, const char *name, struct id id)
{
	char text[ID_TEXT_SIZE];

	id_format(id, text);
	json_add_string(o, name, text);
}

static void
store_redis_status(struct store *store, struct json_object *status)
{
	struct store_redis *s = (struct store_redis *)store;
	struct json_object *o = figures_group(status, "store");
	struct store_figures figures;
	char master[REDIS_URL_HOST_TEXT_SIZE];

	figures_init_store(&figures);
	figures.up = s->state == REDIS_LIVE;
	figures.down_ms =
	    store->is_down ? clock_monotonic_ms() - s->server.down_ms : 0;
	figures.connects = s->server.comings;
	figures.doubts = s->outbox.doubts;
	figures.nodes = s->nodes;
	figures.cuts = s->cut_count;
	figures.lag_ms = s->log.lag_ms;
	figures.floor_ms = s->floor.ms;
	figures.evicted_keys = s->server.evicted;
	figures.questions = s->asks.asked;
	figures.questions_open = s->asks.count;
	figures.answers = s->asks.answered;
	figures.answers_missing = s->asks.missing;
	figures.commits = s->outbox.commits;
	figures.reads = s->reads.count;
	figures.errors = s->errors;
	json_add_string(o, "kind", "redis");
	json_add_string(o, "durability", store_durability_name[s->durability]);
	json_add_string(o, "node", s->node);
	json_add_string(o, "state", redis_state_name[s->state]);
	if (s->sentinels != NULL) {
		redis_url_format_host(&s->master, master);
		json_add_string(o, "master",
		    s->master.name[0] == '\0' ? "" : master);
		figures.sentinels = redis_sentinels_count(s->sentinels);
	}
	store_redis_add_id(o, "position", s->log.position);
	store_redis_add_id(o, "last", store->last);
	store_redis_add_id(o, "floor", s->floor);
	figures_add(status, FIGURES_STORE, &figures);
	json_add_string(o, "last_error",
	    store->is_down ? s->server.why : s->last_error);
}

static void
store_redis_configure(struct store *store, const struct store_bounds *bounds)
{
	struct store_redis *s = (struct store_redis *)store;

	s->key_ms = bounds->key_ms;
	if (s->ages == bounds->ages)
		return;
	/* A hello tells the others. */
	s->ages = bounds->ages;
	if (s->state != REDIS_DOWN)
		redis_leave(s, "keep-seconds of channels changed");
}

static void
store_redis_free(struct store_redis *s)
{
	redis_link_free(s->talk);
	redis_link_free(s->tail);
	redis_sentinels_free(s->sentinels);
	if (s->retry != NULL)
		event_free(s->retry);
	if (s->patience != NULL)
		event_free(s->patience);
	if (s->beat != NULL)
		event_free(s->beat);
	redis_asks_clear(&s->asks);
	redis_outbox_clear(&s->outbox);
	redis_log_clear(&s->log);
	redis_peer_clear(&s->peer);
	free(s);
}

static void
store_redis_close(struct store *store)
{
	struct store_redis *s = (struct store_redis *)store;

	s->store.hooks = NULL;
	redis_link_free(s->talk);
	redis_link_free(s->tail);
	s->talk = s->tail = NULL;
	s->state = REDIS_DOWN;
	redis_reads_stop(s);
	redis_outbox_give_up(s, UINT64_MAX, "crierd ends");
	redis_reads_give_up(s, clock_monotonic_us(), "crierd ends");
	redis_asks_give_up(s, "crierd ends");
	redis_claims_give_up(s);
	store_redis_free(s);
}

static const struct store_ops store_redis_ops = {
	.commit = store_redis_commit,
	.read = store_redis_read,
	.cancel = store_redis_cancel,
	.ask = store_redis_ask,
	.beat = store_redis_beat,
	.claim = store_redis_claim,
	.release = store_redis_release,
	.leave = store_redis_leave,
	.status = store_redis_status,
	.configure = store_redis_configure,
	.close = store_redis_close,
};

/* Goes on at the position, where that holds, or at another one: then true. */
static bool
store_redis_place(struct store_redis *s, const struct redis_hello *hello,
    bool was_broken)
{
	bool is_fresh = s->log.position.ms == 0;

	if (hello->is_lost)
		redis_log_move(s, hello->floor, true);
	else if (is_fresh || hello->is_away)
		redis_log_move(s, hello->last, false);
	else if (was_broken)
		redis_log_move(s, hello->last, true);
	else
		return false;
	redis_outbox_doubt(s);
	return true;
}

static void
store_redis_came(struct store_redis *s, const struct redis_hello *hello)
{
	bool was_broken = s->log.is_broken, is_elsewhere;

	s->log.is_broken = false;
	/* What follows the position is not known to crier. */
	if (was_broken && !hello->is_lost && !hello->is_away &&
	    id_cmp(hello->last, s->log.position) <= 0) {
		redis_leave(s, "its log has an entry that is none of crier's");
		return;
	}
	is_elsewhere = store_redis_place(s, hello, was_broken);
	redis_log_read(s);
	/* Otherwise the log has them, each behind what came before it. */
	if (is_elsewhere)
		redis_asks_stops(s);
	redis_asks_send(s);
	redis_claims_send(s);
	redis_outbox_send(s);
	redis_reads_go_on(s);
}

static void
store_redis_went(struct store_redis *s)
{
	s->asks.sent = 0;
	redis_beat_stop(s);
	redis_claims_stop(s);
	redis_outbox_stop(s);
	redis_reads_stop(s);
	/* One that comes and goes is away, too, for who has waited for long. */
	loop_set_timer(s->patience, 0);
}

static void
store_redis_retry_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	redis_greet(arg);
}

static void
store_redis_sentinels_cb(void *arg)
{
	redis_greet_elsewhere(arg);
}

static void
store_redis_beat_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	redis_beat(arg);
}

/* Since when the first that waits does so; UINT64_MAX: none does. */
static uint64_t
store_redis_waits_since(const struct store_redis *s)
{
	const struct batch *batch = STAILQ_FIRST(&s->outbox.batches);
	const struct store_read *read = redis_reads_first(s);
	uint64_t since_us = batch == NULL ? UINT64_MAX : batch->began_us;

	return read != NULL && read->began_us < since_us ? read->began_us
							 : since_us;
}

/* What waits for a Redis that is away does so no longer than that. */
static void
store_redis_patience_cb(evutil_socket_t fd, short what, void *arg)
{
	static const uint64_t patience_us = UINT64_C(1000) * REDIS_PATIENCE_MS;
	struct store_redis *s = arg;
	uint64_t now_us = clock_monotonic_us(), due_us;

	(void)fd;
	(void)what;
	if (s->store.is_down) {
		redis_outbox_give_up(s, now_us - patience_us, s->server.why);
		redis_reads_give_up(s, now_us - patience_us, s->server.why);
	}
	if ((due_us = store_redis_waits_since(s)) == UINT64_MAX)
		return;
	due_us += patience_us;
	loop_set_timer(s->patience,
	    due_us > now_us ? (due_us - now_us) / 1000 + 1 : REDIS_PATIENCE_MS);
}

/* "HOST-RANDOM": people know it by the first, and no other start has the last.
 */
static void
store_redis_name(struct store_redis *s)
{
	char host[256] = "";
	size_t len, i;

	gethostname(host, sizeof host - 1);
	for (len = 0;
	     len < REDIS_NODE_HOST && isalnum((unsigned char)host[len]); len++)
		s->node[len] = host[len];
	if (len > 0)
		s->node[len++] = '-';
	for (i = 0; i < REDIS_NODE_BYTES; i++)
		snprintf(s->node + len + 2 * i, 3, "%02x",
		    (unsigned)loop_random(256));
	s->store.node = s->node;
}

static int
store_redis_init(struct store_redis *s, const struct store_options *options)
{
	s->store.ops = &store_redis_ops;
	s->store.is_durable = s->store.is_shared = s->store.is_down = true;
	s->store.copies_max = REDIS_BLOB_EVENT_BYTES;
	s->came = store_redis_came;
	s->went = store_redis_went;
	s->base = options->base;
	s->durability = options->durability;
	s->key_ms = options->bounds.key_ms;
	s->ages = options->bounds.ages;
	s->server.down_ms = clock_monotonic_ms();
	STAILQ_INIT(&s->claims.waiting);
	STAILQ_INIT(&s->reads.waiting);
	TAILQ_INIT(&s->reads.active);
	store_redis_name(s);
	s->retry = evtimer_new(s->base, store_redis_retry_cb, s);
	s->patience = evtimer_new(s->base, store_redis_patience_cb, s);
	s->beat = evtimer_new(s->base, store_redis_beat_cb, s);
	return redis_outbox_init(&s->outbox) == -1 ||
		redis_asks_init(s) == -1 || redis_log_init(&s->log) == -1 ||
		s->retry == NULL || s->patience == NULL || s->beat == NULL
	    ? -1
	    : 0;
}

/* The first try: now, or when the sentinels have said where; 0 or -1. */
static int
store_redis_begin(struct store_redis *s)
{
	if (!redis_url_has_sentinels(&s->url))
		return loop_set_timer(s->retry, 0);
	s->peer.link.host = &s->master;
	s->sentinels = redis_sentinels_new(s->base, &s->url, &s->peer,
	    store_redis_sentinels_cb, s);
	return s->sentinels == NULL ? -1 : 0;
}

struct store *
store_redis_open(const struct store_options *options,
    const struct store_url *url, char **cause)
{
	struct store_redis *s;

	(void)url;
	*cause = NULL;
	if (options->keep_in_memory) {
		cause_set(cause,
		    "store-error: memory is not for a store that nodes share: "
		    "others would never see what one keeps");
		return NULL;
	}
	if ((s = calloc(1, sizeof *s)) == NULL)
		return NULL;
	redis_url_read(options->url, &s->url);
	if (store_redis_init(s, options) == 0 &&
	    redis_peer_init(&s->peer, &s->url, options->password_file, cause) ==
		0 &&
	    store_redis_begin(s) == 0)
		return &s->store;
	store_redis_free(s);
	return NULL;
}
