/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Batches on their way to a Redis.  At most one is on its way at any time, made
 * of what the hub's batches have: what comes meanwhile is in the next, so a
 * busy node has larger ones.  It is settled when this node has read it back in
 * the log.
 *
 * Each has a number (`seq`), which the Redis remembers of this node.  So it may
 * be sent again after a connection that went, until it is settled or given up;
 * and a copy of it that comes late does nothing.
 *
 * Keys that are known make the script do nothing at all: these events are taken
 * out, and the others sent with another number.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "store/redis.h"

enum {
	REDIS_PUBLISH_TOKEN_MS = 3600000, /* a number is remembered so long */
	REDIS_PUBLISH_KEYS = 4,
	REDIS_PUBLISH_WORDS = 14
};

int
redis_outbox_init(struct redis_outbox *o)
{
	STAILQ_INIT(&o->batches);
	table_init(&o->keys);
	o->key_entries = calloc(REDIS_BLOB_EVENTS, sizeof *o->key_entries);
	return o->key_entries == NULL ? -1 : redis_blob_init(&o->blob);
}

void
redis_outbox_clear(struct redis_outbox *o)
{
	table_clear(&o->keys);
	free(o->key_entries);
	redis_blob_clear(&o->blob);
}

static void
redis_outbox_empty(struct redis_outbox *o)
{
	size_t i;

	for (i = 0; i < o->key_count; i++)
		table_remove(&o->keys, &o->key_entries[i]);
	o->key_count = 0;
	redis_blob_empty(&o->blob);
}

/* Gives back the first batches of which all is known. */
static void
redis_outbox_return(struct redis_outbox *o)
{
	struct batch *b;

	while ((b = STAILQ_FIRST(&o->batches)) != NULL &&
	    o->settled == b->event_count) {
		STAILQ_REMOVE_HEAD(&o->batches, link);
		o->settled = 0;
		b->done(b);
	}
}

/* What became of the next events of the first batch: as many as are said. */
static void
redis_outbox_settle_events(struct store_redis *s, size_t count, struct id *id,
    const char *refusal)
{
	struct redis_outbox *o = &s->outbox;
	struct batch *b = STAILQ_FIRST(&o->batches);
	struct batch_event *e;

	if (refusal != NULL)
		snprintf(b->error, sizeof b->error, "%s", refusal);
	for (; count > 0; count--) {
		e = &b->events[o->settled++];
		if (e->outcome == BATCH_DUPLICATE)
			continue;
		if (refusal != NULL) {
			e->outcome = BATCH_REFUSED;
			continue;
		}
		batch_give_id(b, e, *id);
		if (id_cmp(*id, s->store.last) > 0)
			s->store.last = *id;
		id->n++;
	}
}

/* What was sent has ids from this one on, or was refused. */
static void
redis_outbox_settle(struct store_redis *s, struct id id, const char *refusal)
{
	struct redis_outbox *o = &s->outbox;
	size_t left = o->sent, n;
	struct batch *b;

	redis_outbox_empty(o);
	o->is_sent = o->is_doubtful = false;
	o->sent = 0;
	o->is_settling = true;
	while (left > 0) {
		b = STAILQ_FIRST(&o->batches);
		n = b->event_count - o->settled;
		if (n > left)
			n = left;
		left -= n;
		redis_outbox_settle_events(s, n, &id, refusal);
		if (o->settled < b->event_count)
			b->came(b, o->settled);
		redis_outbox_return(o);
	}
	o->is_settling = false;
}

/*
 * Whether the event may be sent with those that are there: a key is once in
 * what is sent.
 */
static bool
redis_outbox_add_key(struct redis_outbox *o, const struct batch *b,
    const struct batch_event *e)
{
	struct table_entry *entry = &o->key_entries[o->key_count];

	if (e->key_len == 0)
		return true;
	entry->name = b->bytes.data + e->key_off;
	entry->name_len = e->key_len;
	if (table_find(&o->keys, entry->name, entry->name_len) != NULL ||
	    table_insert(&o->keys, entry) == -1)
		return false;
	o->key_count++;
	return true;
}

/* Adds an event to what is sent; 1: no more; -1: memory. */
static int
redis_outbox_add(struct redis_outbox *o, const struct batch *b,
    struct batch_event *e)
{
	int rc;

	if (e->outcome == BATCH_DUPLICATE)
		return 0;
	if (o->blob.item_count == REDIS_BLOB_EVENTS)
		return 1;
	if (!redis_outbox_add_key(o, b, e))
		return o->blob.item_count > 0 ? 1 : -1;
	rc = redis_blob_add(&o->blob, b, e);
	if (rc != 0 && e->key_len > 0)
		table_remove(&o->keys, &o->key_entries[--o->key_count]);
	return rc;
}

/* Gathers what is sent: at most so many events; 0, or -1 (memory). */
static int
redis_outbox_gather(struct store_redis *s, size_t most)
{
	struct redis_outbox *o = &s->outbox;
	struct batch *b;
	size_t i = o->settled;
	int rc = 0;

	o->sent = 0;
	STAILQ_FOREACH(b, &o->batches, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		for (; rc == 0 && i < b->event_count && o->sent < most; i++) {
			rc = redis_outbox_add(o, b, &b->events[i]);
			o->sent += rc == 0;
		}
		i = 0;
		if (rc != 0 || o->sent == most)
			break;
	}
	return rc == -1 ? -1 : redis_blob_lay_out(&o->blob, s->server.clock_ms);
}

static void redis_outbox_call(struct store_redis *, bool with_text);

/* The events whose keys were known are not sent again. */
static void
redis_outbox_drop_known(struct store_redis *s, const redisReply *reply)
{
	struct redis_outbox *o = &s->outbox;
	const redisReply *offset, *id;
	struct batch_event *e;
	uint64_t known = o->known;
	size_t i, item;

	for (i = 1; i + 1 < reply->elements; i += 2) {
		offset = reply->element[i];
		id = reply->element[i + 1];
		if (offset->type != REDIS_REPLY_STRING ||
		    id->type != REDIS_REPLY_STRING)
			continue;
		item = strtoul(offset->str, NULL, 10);
		if (item >= o->blob.item_count)
			continue;
		e = o->blob.items[item].event;
		e->outcome = BATCH_DUPLICATE;
		free(e->first_id);
		e->first_id = strdup(id->str);
		o->known++;
	}
	if (o->known == known) {
		redis_leave(s, "its answer is none of crier's");
		return;
	}
	redis_outbox_empty(o);
	if (redis_outbox_gather(s, o->sent) == -1)
		redis_outbox_settle(s, (struct id){ 0, 0 }, "out of memory");
	else if (o->blob.item_count == 0)
		redis_outbox_settle(s, (struct id){ 0, 0 }, NULL);
	else {
		o->seq++;
		redis_outbox_call(s, false);
	}
}

/* It is on the log: known by now, if this node has come, or moved, there. */
static void
redis_outbox_accepted(struct store_redis *s, const redisReply *reply)
{
	struct redis_outbox *o = &s->outbox;
	struct id first, last;

	if (reply->elements > 4 && reply->element[4]->str != NULL)
		redis_note_error(s, "a channel", reply->element[4]->str);
	if (reply->elements < 4 || reply->element[1]->str == NULL ||
	    reply->element[2]->str == NULL ||
	    (first.ms = strtoull(reply->element[1]->str, NULL, 10)) == 0) {
		redis_leave(s, "its answer is none of crier's");
		return;
	}
	o->commits++;
	first.n = strtoull(reply->element[2]->str, NULL, 10);
	last = first;
	last.n += o->blob.item_count - 1;
	if (o->is_sent && id_cmp(last, s->log.position) <= 0)
		redis_outbox_settle(s, first, NULL);
}

static void
redis_outbox_refused(struct store_redis *s, const char *why)
{
	char text[BATCH_WHY_SIZE];

	redis_note_error(s, "Redis refuses a batch", why);
	snprintf(text, sizeof text, "the store refuses it: %s", why);
	if (s->outbox.is_sent)
		redis_outbox_settle(s, (struct id){ 0, 0 }, text);
}

static const char *
redis_outbox_word(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    reply->element[0]->type == REDIS_REPLY_STRING)
		return reply->element[0]->str;
	return "";
}

static void
redis_outbox_reply_cb(void *arg, const redisReply *reply)
{
	struct store_redis *s = arg;
	struct redis_outbox *o = &s->outbox;
	const char *word = redis_outbox_word(reply);

	o->is_asked = false;
	if (redis_refuses_all(s, reply))
		return;
	if (reply->type == REDIS_REPLY_ERROR &&
	    strncmp(reply->str, "NOSCRIPT", 8) == 0) {
		redis_outbox_call(s, true);
		return;
	}
	if (reply->type == REDIS_REPLY_ERROR)
		redis_outbox_refused(s, reply->str);
	else if (strcmp(word, "OK") == 0 || strcmp(word, "KNOWN") == 0)
		redis_outbox_accepted(s, reply);
	else if (strcmp(word, "DUP") == 0)
		redis_outbox_drop_known(s, reply);
	else if (strcmp(word, "RUN") == 0 || strcmp(word, "LOST") == 0) {
		redis_leave(s, "it has lost what it had");
		return;
	} else
		redis_outbox_refused(s, "it has a later one");
	redis_outbox_send(s);
}

/* What the script needs to know keys. */
static void
redis_outbox_add_keys(const struct store_redis *s, struct redis_command *c)
{
	const struct redis_blob *blob = &s->outbox.blob;
	const struct redis_blob_item *item;
	struct text_span own;
	size_t i;

	for (i = 0; i < blob->item_count; i++) {
		item = &blob->items[i];
		if (item->event->key_len == 0)
			continue;
		own = batch_event_id(item->batch, item->event);
		redis_command_add_number(c, i);
		redis_command_add(c, own.text, own.len);
		redis_command_add(c,
		    item->batch->bytes.data + item->event->key_off,
		    item->event->key_len);
	}
}

/* Sends what was gathered. */
static void
redis_outbox_call(struct store_redis *s, bool with_text)
{
	struct redis_outbox *o = &s->outbox;
	struct redis_command c;
	char state[REDIS_KEY_SIZE], log[REDIS_KEY_SIZE], token[REDIS_KEY_SIZE];
	char stops[REDIS_KEY_SIZE], list[REDIS_KEY_SIZE],
	    bucket[2][REDIS_KEY_SIZE];
	char name[64], least[ID_TEXT_SIZE] = "";
	uint64_t now = redis_clock_ms(s) / s->key_ms;

	if (redis_command_begin(&c,
		REDIS_COMMAND_SCRIPT + REDIS_PUBLISH_KEYS +
		    REDIS_PUBLISH_WORDS + 3 * o->key_count) == -1) {
		redis_leave(s, "out of memory");
		return;
	}
	redis_key(s, "state", state);
	redis_key(s, "log", log);
	snprintf(name, sizeof name, "b:%s", s->node);
	redis_key(s, name, token);
	redis_key(s, "stops", stops);
	redis_key(s, "c:", list);
	redis_bucket_key(s, now, bucket[0]);
	redis_bucket_key(s, now - 1, bucket[1]);
	snprintf(name, sizeof name, "%s %llu", s->node,
	    (unsigned long long)o->seq);
	if (s->log.least.ms > 0)
		id_format(s->log.least, least);
	redis_command_add_script(&c, REDIS_SCRIPT_PUBLISH, with_text,
	    REDIS_PUBLISH_KEYS);
	redis_command_add_text(&c, state);
	redis_command_add_text(&c, log);
	redis_command_add_text(&c, token);
	redis_command_add_text(&c, stops);
	redis_command_add_text(&c, s->server.run);
	redis_command_add_number(&c, o->seq);
	redis_command_add_id(&c, s->log.position);
	redis_command_add_number(&c, o->blob.item_count);
	redis_command_add_text(&c, least);
	redis_command_add_number(&c, REDIS_PUBLISH_TOKEN_MS);
	redis_command_add_text(&c, list);
	redis_command_add_text(&c, name);
	redis_command_add(&c, o->blob.text.data, o->blob.text.len);
	redis_command_add_text(&c, bucket[0]);
	redis_command_add_text(&c, bucket[1]);
	redis_command_add_number(&c, s->key_ms * 3);
	redis_command_add_text(&c, o->blob.rules.data);
	redis_outbox_add_keys(s, &c);
	o->is_sent = o->is_asked = true;
	redis_send(s, s->talk, &c, redis_outbox_reply_cb, s);
	redis_command_clear(&c);
}

void
redis_outbox_send(struct store_redis *s)
{
	struct redis_outbox *o = &s->outbox;

	if (s->state != REDIS_LIVE || o->is_settling || o->is_asked)
		return;
	if (o->is_sent && !o->is_doubtful)
		return;
	if (!o->is_sent) {
		redis_outbox_return(o);
		if (STAILQ_EMPTY(&o->batches) || o->is_asked || o->is_sent)
			return;
		if (redis_outbox_gather(s, SIZE_MAX) == -1) {
			redis_outbox_empty(o);
			redis_leave(s, "out of memory");
			return;
		}
		o->seq++;
	}
	o->is_doubtful = false;
	redis_outbox_call(s, false);
}

void
redis_outbox_stop(struct store_redis *s)
{
	struct redis_outbox *o = &s->outbox;

	o->is_asked = false;
	o->doubts += o->is_sent && !o->is_doubtful;
	o->is_doubtful = o->is_sent;
}

void
redis_outbox_doubt(struct store_redis *s)
{
	struct redis_outbox *o = &s->outbox;

	o->is_doubtful = o->is_sent && !o->is_asked;
}

bool
redis_outbox_came(struct store_redis *s, const struct redis_header *h)
{
	struct redis_outbox *o = &s->outbox;

	if (!o->is_sent || h->seq != o->seq || strcmp(h->node, s->node) != 0 ||
	    h->count != o->blob.item_count)
		return false;
	redis_outbox_settle(s, h->first, NULL);
	redis_outbox_send(s);
	return true;
}

void
redis_outbox_give_up(struct store_redis *s, uint64_t before_us, const char *why)
{
	struct redis_outbox *o = &s->outbox;
	size_t covered = o->sent, n;
	struct batch *b;
	char text[BATCH_WHY_SIZE];
	struct id none = { 0, 0 };

	if ((b = STAILQ_FIRST(&o->batches)) == NULL || b->began_us > before_us)
		return;
	snprintf(text, sizeof text, "the store is away: %s", why);
	/* What was sent is given up as a whole: it may be on the log. */
	redis_outbox_empty(o);
	o->is_sent = o->is_doubtful = false;
	o->sent = 0;
	o->is_settling = true;
	while ((b = STAILQ_FIRST(&o->batches)) != NULL &&
	    (covered > 0 || b->began_us <= before_us)) {
		n = b->event_count - o->settled;
		covered -= n < covered ? n : covered;
		redis_outbox_settle_events(s, n, &none, text);
		redis_outbox_return(o);
	}
	o->is_settling = false;
}

void
redis_outbox_take(struct store_redis *s, struct batch *b)
{
	struct redis_outbox *o = &s->outbox;
	bool was_empty = STAILQ_EMPTY(&o->batches);

	STAILQ_INSERT_TAIL(&o->batches, b, link);
	if (s->state == REDIS_LIVE)
		redis_outbox_send(s);
	else if (s->store.is_down &&
	    clock_monotonic_ms() - s->server.down_ms >= REDIS_PATIENCE_MS)
		redis_outbox_give_up(s, UINT64_MAX, s->server.why);
	if (was_empty && !STAILQ_EMPTY(&o->batches) &&
	    !event_pending(s->patience, EV_TIMEOUT, NULL))
		loop_set_timer(s->patience, REDIS_PATIENCE_MS);
}
