/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The log, which all nodes read in one order: what others published arrives at
 * the hub, what this node published is settled, and a loss that somebody found
 * is told.  Each entry names the one before, so a hole is noticed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/redis.h"

enum {
	REDIS_LOG_BYTES = 64 * 1024 * 1024, /* more of it need not be there */
	REDIS_LOG_MARKS = 128,
	REDIS_LOG_KEPT_MS = 60000, /* of what was there before this node */
	REDIS_LOG_NODES = 1024,    /* whose last seq is remembered */
	REDIS_LOG_ENTRY_BYTES = 64 /* beside what it has */
};

/* Where in the log so many bytes begin. */
struct redis_log_marks {
	struct {
		struct id first;
		uint64_t bytes;
	} mark[REDIS_LOG_MARKS];
	size_t first, count;
	uint64_t bytes;
};

struct redis_log_node {
	struct table_entry entry; /* its name is this structure's */
	TAILQ_ENTRY(redis_log_node) link;
	char name[REDIS_NODE_SIZE];
	uint64_t seq;
};

int
redis_log_init(struct redis_log *log)
{
	table_init(&log->nodes);
	TAILQ_INIT(&log->by_age);
	log->marks = calloc(1, sizeof *log->marks);
	return log->marks == NULL ? -1 : 0;
}

void
redis_log_clear(struct redis_log *log)
{
	struct redis_log_node *node;

	while ((node = TAILQ_FIRST(&log->by_age)) != NULL) {
		TAILQ_REMOVE(&log->by_age, node, link);
		free(node);
	}
	table_clear(&log->nodes);
	free(log->marks);
}

/* Counts an entry; what is before the last so many bytes may go. */
static void
redis_log_count(struct redis_log *log, struct id id, size_t bytes)
{
	struct redis_log_marks *m = log->marks;
	size_t last = (m->first + m->count - 1) % REDIS_LOG_MARKS;

	if (m->count == 0 ||
	    m->mark[last].bytes >= REDIS_LOG_BYTES / (REDIS_LOG_MARKS - 1)) {
		last = (m->first + m->count++) % REDIS_LOG_MARKS;
		m->mark[last].first = id;
		m->mark[last].bytes = 0;
	}
	m->mark[last].bytes += bytes;
	m->bytes += bytes;
	while (m->count == REDIS_LOG_MARKS ||
	    (m->count > 1 &&
		m->bytes - m->mark[m->first].bytes >= REDIS_LOG_BYTES)) {
		m->bytes -= m->mark[m->first].bytes;
		m->first = (m->first + 1) % REDIS_LOG_MARKS;
		m->count--;
		log->least = m->mark[m->first].first;
	}
}

/* A node whose batches are read: found, or made; NULL (memory). */
static struct redis_log_node *
redis_log_node(struct redis_log *log, const char *name)
{
	struct redis_log_node *node =
	    (struct redis_log_node *)(void *)table_find(&log->nodes, name,
		strlen(name));

	if (node != NULL)
		return node;
	if (log->nodes.count >= REDIS_LOG_NODES) {
		node = TAILQ_FIRST(&log->by_age);
		TAILQ_REMOVE(&log->by_age, node, link);
		table_remove(&log->nodes, &node->entry);
		free(node);
	}
	if ((node = calloc(1, sizeof *node)) == NULL)
		return NULL;
	snprintf(node->name, sizeof node->name, "%s", name);
	node->entry.name = node->name;
	node->entry.name_len = strlen(name);
	if (table_insert(&log->nodes, &node->entry) == -1) {
		free(node);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&log->by_age, node, link);
	return node;
}

/*
 * Whether a batch is new.  One that was lost with a server, and that its node
 * has sent again, was delivered before.
 */
static bool
redis_log_is_new(struct redis_log *log, const struct redis_header *h)
{
	struct redis_log_node *node = redis_log_node(log, h->node);
	bool is_new = node == NULL || h->seq > node->seq;

	if (node == NULL)
		return true;
	TAILQ_REMOVE(&log->by_age, node, link);
	TAILQ_INSERT_TAIL(&log->by_age, node, link);
	if (is_new)
		node->seq = h->seq;
	return is_new;
}

void
redis_log_move(struct store_redis *s, struct id to, bool is_lost)
{
	struct redis_log *log = &s->log;

	if (log->position.ms == 0 && to.ms > REDIS_LOG_KEPT_MS)
		log->least.ms = to.ms - REDIS_LOG_KEPT_MS;
	log->position = to;
	log->header_len = 0;
	if (is_lost && id_cmp(to, s->floor) > 0)
		s->floor = to;
	if (id_cmp(to, s->store.last) > 0)
		s->store.last = to;
	if (s->store.hooks != NULL)
		s->store.hooks->moved(s->store.hub, to, is_lost);
}

/* An entry, as XREAD says it. */
struct redis_log_entry {
	struct id id;
	const redisReply *header, *blob;
	struct redis_header h;
};

static bool
redis_log_read_entry(const redisReply *reply, struct redis_log_entry *e)
{
	const redisReply *fields;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    !id_parse(reply->element[0]->str, reply->element[0]->len, &e->id))
		return false;
	fields = reply->element[1];
	if (fields->type != REDIS_REPLY_ARRAY || fields->elements < 4 ||
	    fields->element[1]->type != REDIS_REPLY_STRING ||
	    fields->element[3]->type != REDIS_REPLY_STRING)
		return false;
	e->header = fields->element[1];
	e->blob = fields->element[3];
	return redis_header_read(e->header->str, e->header->len, &e->h);
}

/* What others published, by the hub's clocks. */
static void
redis_log_arrive(struct store_redis *s, const struct redis_log_entry *e)
{
	struct redis_now now = { .ms = clock_monotonic_ms(),
		.redis_ms = redis_clock_ms(s) };
	const char *why;
	struct batch *b =
	    redis_entry_read(&e->h, e->blob->str, e->blob->len, &now, &why);

	if (b == NULL) {
		redis_note_error(s, "the log", why);
		redis_log_move(s, e->id, true);
		return;
	}
	if (s->store.hooks != NULL)
		s->store.hooks->arrived(s->store.hub, b);
	batch_free(b);
}

/* "floor ID" */
static bool
redis_log_read_floor(const redisReply *text, struct id *floor)
{
	static const char word[] = "floor ";
	size_t len = sizeof word - 1;

	return text->len > len && memcmp(text->str, word, len) == 0 &&
	    id_parse(text->str + len, text->len - len, floor);
}

/* Where somebody found that something was lost; or a question. */
static void
redis_log_control(struct store_redis *s, const struct redis_log_entry *e)
{
	struct id floor;

	if (!redis_log_read_floor(e->blob, &floor)) {
		redis_asks_came(s, e->blob->str, e->blob->len);
		return;
	}
	if (id_cmp(floor, s->server.floor) > 0)
		s->server.floor = floor;
	if (id_cmp(floor, s->floor) > 0)
		redis_log_move(s, e->id, true);
}

/* 0, or -1: it does not follow what was read before, or is no entry. */
static int
redis_log_take(struct store_redis *s, const redisReply *reply)
{
	struct redis_log *log = &s->log;
	struct redis_log_entry e;

	if (!redis_log_read_entry(reply, &e) ||
	    id_cmp(e.h.before, log->position) != 0)
		return -1;
	log->position = e.id;
	log->header_len =
	    e.header->len < sizeof log->header ? e.header->len : 0;
	memcpy(log->header, e.header->str, log->header_len);
	if (id_cmp(e.id, s->store.last) > 0)
		s->store.last = e.id;
	redis_log_count(log, e.id,
	    e.header->len + e.blob->len + REDIS_LOG_ENTRY_BYTES);
	if (e.h.count > 0)
		log->newest = e.id;
	if (e.h.count == 0)
		redis_log_control(s, &e);
	else if (redis_outbox_came(s, &e.h))
		redis_log_is_new(log, &e.h);
	else if (redis_log_is_new(log, &e.h))
		redis_log_arrive(s, &e);
	return 0;
}

/* Notes how late the newest entry came, by the server's clock. */
static void
redis_log_note_lag(struct store_redis *s)
{
	uint64_t now_ms = redis_clock_ms(s), ms = s->log.position.ms;

	/* Ids go ahead of the clock for a while after a failover. */
	s->log.lag_ms = now_ms > ms ? now_ms - ms : 0;
}

/* Entries of the log, as long as they follow each other; 0, or -1. */
static int
redis_log_take_all(struct store_redis *s, const redisReply *entries)
{
	size_t i;

	for (i = 0; i < entries->elements && s->state == REDIS_LIVE; i++)
		if (redis_log_take(s, entries->element[i]) == -1)
			return -1;
	redis_log_note_lag(s);
	return 0;
}

/* What XREAD has of one stream: of the log, or answers. */
static int
redis_log_read_stream(struct store_redis *s, const redisReply *stream)
{
	char answers[REDIS_KEY_SIZE];

	redis_asks_key(s, s->node, answers);
	if (strcmp(stream->element[0]->str, answers) != 0)
		return redis_log_take_all(s, stream->element[1]);
	redis_asks_read(s, stream->element[1]);
	return 0;
}

static bool
redis_log_is_stream(const redisReply *stream)
{
	return stream->type == REDIS_REPLY_ARRAY && stream->elements == 2 &&
	    stream->element[0]->type == REDIS_REPLY_STRING &&
	    stream->element[1]->type == REDIS_REPLY_ARRAY;
}

static void
redis_log_last_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	struct id last = { 0, 0 };

	if (redis_refuses_all(s, reply))
		return;
	if (reply->type == REDIS_REPLY_STRING)
		id_parse(reply->str, reply->len, &last);
	if (id_cmp(last, s->log.asked) < 0)
		redis_leave(s, "it has lost what it had");
}

/*
 * Nothing came for a while: is the log still the one that was read?  One that
 * begins anew may have ids that are less for long.
 */
static void
redis_log_ask_last(struct store_redis *s)
{
	struct redis_command c;
	char state[REDIS_KEY_SIZE];

	if (s->state != REDIS_LIVE)
		return;
	if (redis_command_begin(&c, 3) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	s->log.asked = s->log.position;
	redis_key(s, "state", state);
	redis_command_add_text(&c, "HGET");
	redis_command_add_text(&c, state);
	redis_command_add_text(&c, "last");
	redis_send(s, s->talk, &c, redis_log_last_cb, s);
	redis_command_clear(&c);
}

static void
redis_log_read_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	size_t i;

	if (reply->type == REDIS_REPLY_ERROR) {
		redis_leave(s, reply->str);
		return;
	}
	if (reply->type == REDIS_REPLY_NIL) {
		redis_prove(s);
		redis_log_ask_last(s);
		redis_log_read(s);
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY) {
		redis_leave(s, "its log is none of crier's");
		return;
	}
	for (i = 0; i < reply->elements && s->state == REDIS_LIVE; i++) {
		if (!redis_log_is_stream(reply->element[i])) {
			redis_leave(s, "its log is none of crier's");
			return;
		}
		if (redis_log_read_stream(s, reply->element[i]) == -1) {
			redis_greet_again(s);
			return;
		}
	}
	if (s->state == REDIS_LIVE)
		redis_prove(s);
	redis_log_read(s);
}

void
redis_log_read(struct store_redis *s)
{
	/* The first is one alone: more may be what ended the connection. */
	const char *const words[] = { "XREAD", "COUNT",
		s->server.is_proved ? "16" : "1", "BLOCK", "1000", "STREAMS" };
	enum {
		WORDS = sizeof words / sizeof words[0]
	};
	struct redis_command c;
	char log[REDIS_KEY_SIZE], answers[REDIS_KEY_SIZE], id[ID_TEXT_SIZE];
	size_t i;

	if (s->state != REDIS_LIVE)
		return;
	if (redis_command_begin(&c, WORDS + 4) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	for (i = 0; i < WORDS; i++)
		redis_command_add_text(&c, words[i]);
	redis_key(s, "log", log);
	redis_asks_key(s, s->node, answers);
	id_format(s->log.position, id);
	redis_command_add_text(&c, log);
	redis_command_add_text(&c, answers);
	redis_command_add_text(&c, id);
	/* From the first, for what was read is deleted. */
	redis_command_add_text(&c, "0-0");
	redis_send(s, s->tail, &c, redis_log_read_cb, s);
	redis_command_clear(&c);
}
