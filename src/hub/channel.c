/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/fetch.h"
#include "base/siphash.h"
#include "hub/channel.h"
#include "hub/notice.h"
#include "hub/state.h"
#include "hub/stats.h"

enum {
	CHANNEL_CURSORS_MIN = 2
};

#define CHANNEL_OF(entry_or_timer, member) \
	((struct channel *)(void           \
		*)((char *)(entry_or_timer)-offsetof(struct channel, member)))

/*
 * The look-up has brought the end of the structure into the cache, where the
 * name is.  The rest is fetched while the caller does something else.
 */
struct channel *
channel_find(struct hub *hub, const char *name, size_t len)
{
	struct table_entry *e = table_find(&hub->channels.table, name, len);
	struct channel *c;

	if (e == NULL)
		return NULL;
	c = CHANNEL_OF(e, entry);
	fetch_ahead(c, offsetof(struct channel, entry));
	return c;
}

void
channel_expect(const struct channel *c)
{
	const struct history *h = &c->history;

	if (c->cursor_count > 0)
		__builtin_prefetch(c->cursors);
	if (!c->has_history)
		return;
	__builtin_prefetch(TAILQ_NEXT(c, recent));
	__builtin_prefetch(&h->ring[h->next_seq & (h->capacity - 1)]);
}

/*
 * The greatest floor of the freed channels whose names have this hash.  It is
 * the floor of a channel that is made later: if it is a namesake, its events
 * may have been lost.  One floor for all would announce gaps on every channel.
 */
static struct id *
channel_forgotten(struct hub *hub, const struct channel *c)
{
	return &hub->channels.forgotten[c->entry.hash % CHANNEL_FORGOTTEN];
}

enum channel_own
channel_find_own(const char *name, size_t len)
{
	struct text_span span = { name, len };

	if (text_equals(span, NOTICE_CHANNEL))
		return CHANNEL_STREAMS;
	return text_equals(span, STATS_CHANNEL) ? CHANNEL_STATS : CHANNEL_PLAIN;
}

bool
hub_is_own_channel(struct text_span name)
{
	return channel_find_own(name.text, name.len) != CHANNEL_PLAIN;
}

struct channel *
channel_get(struct hub *hub, const char *name, size_t len)
{
	struct channel *c = channel_find(hub, name, len);

	if (c != NULL)
		return c;
	if ((c = calloc(1, sizeof *c + len + 1)) == NULL)
		return NULL;
	memcpy(c->name, name, len);
	c->entry.name = c->name;
	c->entry.name_len = len;
	c->rule = config_match_channel(hub->config, name, len);
	c->own = (uint8_t)channel_find_own(name, len);
	if (table_insert(&hub->channels.table, &c->entry) == -1) {
		free(c);
		return NULL;
	}
	history_init(&c->history, *channel_forgotten(hub, c),
	    &hub->channels.shared);
	TAILQ_INSERT_TAIL(&hub->channels.all, c, link);
	return c;
}

/* Brings the hub's sum and list up to date with the channel's history. */
static void
channel_account(struct hub *hub, struct channel *c)
{
	bool has_history = history_count(&c->history) > 0;

	if (c->history.memory < c->counted)
		relief_note(hub, c->counted - c->history.memory);
	hub->channels.history_bytes += c->history.memory - c->counted;
	c->counted = c->history.memory;
	if (c->has_history && !has_history)
		TAILQ_REMOVE(&hub->channels.recent, c, recent);
	else if (!c->has_history && has_history)
		TAILQ_INSERT_TAIL(&hub->channels.recent, c, recent);
	c->has_history = has_history;
}

void
channel_free(struct hub *hub, struct channel *c)
{
	struct id *forgotten = channel_forgotten(hub, c);

	if (c->is_dirty)
		SLIST_REMOVE(&hub->channels.dirty, c, channel, dirty);
	history_clear(&c->history);
	channel_account(hub, c);
	if (id_cmp(*forgotten, c->history.floor) < 0)
		*forgotten = c->history.floor;
	TAILQ_REMOVE(&hub->channels.all, c, link);
	table_remove(&hub->channels.table, &c->entry);
	wheel_clear(&hub->clock.channels, &c->timer);
	free(c->cursors);
	free(c);
}

void
channel_release(struct hub *hub, struct channel *c)
{
	if (c->cursor_count == 0 && history_count(&c->history) == 0 &&
	    c->stopped_until_ms == 0 && !c->is_dirty && c->pending == 0 &&
	    !c->has_run)
		channel_free(hub, c);
}

int
channel_prepare(struct hub *hub, struct channel *c, size_t len)
{
	int rc = history_prepare(&c->history, len);

	channel_account(hub, c);
	return rc;
}

static void
channel_set_dirty(struct hub *hub, struct channel *c)
{
	c->stopped_until_ms = 0;
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	SLIST_INSERT_HEAD(&hub->channels.dirty, c, dirty);
}

void
channel_skip(struct hub *hub, struct channel *c, struct id id)
{
	history_skip(&c->history, id);
	channel_account(hub, c);
	channel_set_dirty(hub, c);
}

void
channel_pass(struct hub *hub, const char *name, size_t len, struct id id)
{
	hub->channels.forgotten[siphash_64(hub->channels.table.key, name, len) %
	    CHANNEL_FORGOTTEN] = id;
}

void
channels_skip(struct hub *hub, struct id id)
{
	struct channel *c, *next;
	size_t i;

	for (i = 0; i < CHANNEL_FORGOTTEN; i++)
		hub->channels.forgotten[i] = id;
	TAILQ_FOREACH_SAFE(c, &hub->channels.all, link, next) {
		history_skip(&c->history, id);
		channel_account(hub, c);
		channel_release(hub, c);
	}
}

void
channel_append(struct hub *hub, struct channel *c,
    const struct history_note *note, const char *record, size_t len)
{
	history_append(&c->history, note, record, len);
	channel_account(hub, c);
	TAILQ_REMOVE(&hub->channels.recent, c, recent);
	TAILQ_INSERT_TAIL(&hub->channels.recent, c, recent);
	channel_set_dirty(hub, c);
}

/* Sets the timer to when the oldest event, or `close --stop`, is due. */
static void
channel_set_timer(struct hub *hub, struct channel *c)
{
	uint64_t due = c->stopped_until_ms, ends;

	if (c->rule->keep_ms != 0 && history_count(&c->history) > 0) {
		ends = c->rule->keep_ms + 1 +
		    history_at(&c->history, c->history.first_seq)->added_ms;
		if (due == 0 || ends < due)
			due = ends;
	}
	if (due == 0)
		wheel_clear(&hub->clock.channels, &c->timer);
	else if (!wheel_is_set(&c->timer) || due != c->timer.due_ms)
		hub_clock_set(hub, &hub->clock.channels, &c->timer, due);
}

void
channel_trim(struct hub *hub, struct channel *c)
{
	struct history_limits limits = { .count = c->rule->keep,
		.bytes = c->rule->keep_bytes };

	/* Not before the delivery: streams may still need these events. */
	if (c->is_dirty)
		return;
	if (c->own == CHANNEL_STATS && limits.count > STATS_KEEP)
		limits.count = STATS_KEEP;
	if (c->rule->keep_ms != 0 && hub->clock.now_ms > c->rule->keep_ms)
		limits.oldest_ms = hub->clock.now_ms - c->rule->keep_ms;
	history_trim(&c->history, &limits);
	channel_account(hub, c);
	channel_set_timer(hub, c);
}

void
channel_shrink(struct hub *hub, struct channel *c, size_t bytes)
{
	history_shrink(&c->history, bytes);
	channel_account(hub, c);
	channel_set_timer(hub, c);
}

void
channel_due_cb(struct wheel_timer *timer, void *arg)
{
	struct channel *c = CHANNEL_OF(timer, timer);
	struct hub *hub = arg;

	if (c->stopped_until_ms != 0 &&
	    c->stopped_until_ms <= hub->clock.now_ms)
		c->stopped_until_ms = 0;
	channel_trim(hub, c);
	channel_release(hub, c);
}

struct id
channel_floor(const struct hub *hub, const struct channel *c,
    struct text_span name)
{
	const struct hub_channels *all = &hub->channels;

	if (c != NULL)
		return c->history.floor;
	return all->forgotten[siphash_64(all->table.key, name.text, name.len) %
	    CHANNEL_FORGOTTEN];
}

bool
channel_has_gap(const struct hub *hub, enum channel_own own, struct id floor,
    const struct id *after)
{
	/* $stats keeps nothing, and old figures are not missed. */
	if (own == CHANNEL_STATS)
		return false;
	if (after == NULL)
		return true;
	if (own == CHANNEL_STREAMS && id_cmp(*after, hub->notices.begin) < 0)
		return true;
	return id_cmp(*after, floor) < 0;
}

int
channel_add_cursor(struct channel *c, struct cursor *cursor)
{
	uint32_t capacity;
	struct cursor **grown;

	if (c->cursor_count == c->cursor_capacity) {
		capacity = c->cursor_capacity == 0 ? CHANNEL_CURSORS_MIN
						   : c->cursor_capacity * 2;
		/* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
		grown = realloc(c->cursors, capacity * sizeof *grown);
		if (grown == NULL)
			return -1;
		c->cursors = grown;
		c->cursor_capacity = capacity;
	}
	cursor->channel = c;
	cursor->slot = c->cursor_count;
	c->cursors[c->cursor_count++] = cursor;
	return 0;
}

void
channel_remove_cursor(struct cursor *cursor)
{
	struct channel *c = cursor->channel;
	struct cursor *last = c->cursors[--c->cursor_count];
	struct cursor **shrunk;
	uint32_t capacity = c->cursor_capacity / 2;

	c->cursors[cursor->slot] = last;
	last->slot = cursor->slot;
	cursor->channel = NULL;
	if (c->cursor_count >= capacity / 2 || capacity < CHANNEL_CURSORS_MIN)
		return;
	/* Failing to shrink is no harm. NOLINTNEXTLINE(bugprone-sizeof-*) */
	if ((shrunk = realloc(c->cursors, capacity * sizeof *shrunk)) != NULL) {
		c->cursors = shrunk;
		c->cursor_capacity = capacity;
	}
}

void
channel_stop(struct hub *hub, struct channel *c, uint64_t ms)
{
	c->stopped_until_ms = hub->clock.now_ms + ms;
	channel_set_timer(hub, c);
}

bool
channel_is_stopped(const struct hub *hub, const struct channel *c)
{
	return c->stopped_until_ms > hub->clock.now_ms;
}

void
channels_init(struct hub *hub, struct id forgotten)
{
	struct hub_channels *all = &hub->channels;
	size_t i;

	table_init(&all->table);
	all->shared.key = all->table.key;
	TAILQ_INIT(&all->all);
	TAILQ_INIT(&all->recent);
	SLIST_INIT(&all->dirty);
	for (i = 0; i < CHANNEL_FORGOTTEN; i++)
		all->forgotten[i] = forgotten;
}

void
channels_clear(struct hub *hub)
{
	struct channel *c;

	while ((c = TAILQ_FIRST(&hub->channels.all)) != NULL)
		channel_free(hub, c);
	table_clear(&hub->channels.table);
}

void
channels_reconfigure(struct hub *hub)
{
	struct channel *c, *next;

	TAILQ_FOREACH_SAFE(c, &hub->channels.all, link, next) {
		c->rule = config_match_channel(hub->config, c->name,
		    c->entry.name_len);
		channel_trim(hub, c);
		channel_release(hub, c);
	}
}

void
channels_shrink(struct hub *hub)
{
	struct hub_channels *all = &hub->channels;
	size_t max = hub->config->history_bytes;
	struct channel *c, *next;

	if (all->history_bytes <= max)
		return;
	TAILQ_FOREACH_SAFE(c, &all->recent, recent, next) {
		if (all->history_bytes <= max)
			return;
		channel_shrink(hub, c, all->history_bytes - max);
		channel_release(hub, c);
	}
}

struct channel *
channels_take_dirty(struct hub *hub)
{
	struct channel *c = SLIST_FIRST(&hub->channels.dirty);

	if (c == NULL)
		return NULL;
	SLIST_REMOVE_HEAD(&hub->channels.dirty, dirty);
	c->is_dirty = false;
	return c;
}
