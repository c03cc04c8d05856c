/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/describe.h"
#include "hub/run.h"
#include "hub/state.h"
#include "hub/status.h"

static void
hub_status_take_limits(const struct hub *hub, struct hub_limits *limits)
{
	const struct config *c = hub->config;
	const struct config_channel *all = &c->channels[c->channel_count - 1];

	*limits = (struct hub_limits){
		.threads = c->threads,
		.max_streams = hub->streams.max,
		.poll_ms = c->poll_ms,
		.poll_above = c->poll_above,
		.max_streams_per_user = c->max_streams_per_user,
		.max_streams_per_address = c->max_streams_per_address,
		.max_channels = c->max_channels,
		.max_followed = c->max_followed,
		.run_max = c->run_max,
		.max_keys = c->max_keys,
		.key_seconds = c->key_ms / 1000,
		.store_bytes = c->store_bytes,
		.max_event_bytes = c->max_event_bytes,
		.max_request_bytes = c->max_request_bytes,
		.request_timeout_ms = c->request_timeout_ms,
		.history_bytes = c->history_bytes,
		.replay_bytes = c->replay_bytes,
		.replay_waiting = c->replay_waiting,
		.keep = all->keep,
		.keep_bytes = all->keep_bytes,
		.keep_seconds = all->keep_ms / 1000,
		.heartbeat_ms = all->heartbeat_ms,
		.retry_ms = all->retry_ms,
		.max_time_ms = all->max_time_ms,
		.stop_seconds = c->stop_ms / 1000,
		.drain_ms = c->drain_ms,
		.stall_ms = c->stall_ms,
		.stall_bytes = c->stall_bytes,
	};
}

void
hub_status_take(const struct hub *hub, struct hub_figures *figures)
{
	*figures = (struct hub_figures){
		.counters = hub->counters,
		.uptime_seconds =
		    (hub->clock.now_ms - hub->clock.started_ms) / 1000,
		.draining = hub->drain.is_on,
		.streams = hub->streams.count,
		.polling = hub->streams.poll_count,
		.following = hub->streams.following,
		.users = hub->visitors.users.count,
		.channels = hub->channels.table.count,
		.history_bytes = hub->channels.history_bytes,
		.batches = hub->turn.committing,
		.batched_bytes = hub->turn.committing_bytes,
		.replays_waiting = hub->slices.waiting,
		.replays_held = hub->replays.held_count,
		.histories_waiting = hub->retained.count,
		.replay_slices = hub->slices.count,
		.replay_bytes = hub->slices.bytes,
		.replay_pinned_bytes = hub->slices.pinned_bytes,
		.stalled_bytes = hub->channels.shared.left_bytes,
		.runs = hub->runs.going_count,
		.runs_over = hub->runs.over_count,
		.store_ms = hub->turn.store_ms,
		.store_wait_ms = turn_store_wait_ms(hub),
	};
	latency_take(hub, figures);
	hub_status_take_limits(hub, &figures->limits);
}

void
hub_status(const struct hub *hub, struct json_object *status)
{
	struct hub_figures figures;
	char last[ID_TEXT_SIZE];

	hub_status_take(hub, &figures);
	figures_add(status, FIGURES_HUB, &figures);
	latency_status(hub, status);
	json_add_text(status, "last_id", last,
	    id_format(hub->store->last, last));
}

static bool
hub_status_follows(const struct stream *s, const struct text_span *channel)
{
	size_t i;

	for (i = 0; i < s->cursor_count; i++)
		if (text_equals(*channel, s->cursors[i].channel->name))
			return true;
	return false;
}

static size_t
hub_status_limit(const struct hub_status_query *query, size_t most)
{
	return query->limit > 0 && query->limit < most ? (size_t)query->limit
						       : most;
}

static bool
hub_status_is_wanted(const struct stream *s,
    const struct hub_status_query *query)
{
	if (query->slow && !s->is_writing)
		return false;
	return query->channel == NULL || hub_status_follows(s, query->channel);
}

void
hub_status_streams(const struct hub *hub, const struct hub_status_query *query,
    struct json_object *status)
{
	size_t most = hub_status_limit(query, STATUS_STREAMS_MAX), n = 0;
	struct json_object *list = json_object_new_array();
	struct json_object *o;
	const struct stream *s;

	TAILQ_FOREACH(s, &hub->streams.list, link) {
		if (list == NULL || n == most)
			break;
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (!hub_status_is_wanted(s, query))
			continue;
		n++;
		o = json_object_new_object();
		describe_stream(s, o);
		describe_sums(s, o);
		json_add_number(o, "heartbeat_ms", s->heartbeat_ms);
		if (s->is_writing)
			json_add_number(o, "waiting_ms",
			    hub->clock.now_ms - s->written_ms);
		json_object_array_add(list, o);
	}
	json_add(status, "list", list);
}

/* A channel, and what it is sorted by. */
struct status_channel {
	uint64_t key;
	const struct channel *channel;
};

/*
 * The channels that are listed.  When there is no room left, the lesser half is
 * dropped, and channels that are less than the rest are not taken in any more.
 */
struct status_channels {
	size_t count, most;
	bool is_cut;
	struct status_channel list[2 * STATUS_CHANNELS_MAX];
};

static uint64_t
hub_status_newest_ms(const struct channel *c)
{
	const struct history *h = &c->history;

	return history_count(h) == 0 ? 0
				     : history_at(h, h->next_seq - 1)->added_ms;
}

static uint64_t
hub_status_key(const struct channel *c, enum command_sort sort)
{
	switch (sort) {
	case COMMAND_SORT_STREAMS:
		return c->cursor_count;
	case COMMAND_SORT_BYTES:
		return c->counted;
	case COMMAND_SORT_PUBLISHED:
		return c->history.next_seq;
	case COMMAND_SORT_NEWEST:
		return hub_status_newest_ms(c);
	default:
		return history_count(&c->history);
	}
}

/* The order of the list: by key, then more streams first, then by names. */
static int
hub_status_compare(const struct status_channel *a,
    const struct status_channel *b)
{
	if (a->key != b->key)
		return a->key > b->key ? -1 : 1;
	if (a->channel->cursor_count != b->channel->cursor_count)
		return a->channel->cursor_count > b->channel->cursor_count ? -1
									   : 1;
	return strcmp(a->channel->name, b->channel->name);
}

static int
hub_status_compare_cb(const void *a, const void *b)
{
	return hub_status_compare(a, b);
}

static void
hub_status_sort(struct status_channels *c)
{
	qsort(c->list, c->count, sizeof *c->list, hub_status_compare_cb);
	if (c->count <= c->most)
		return;
	c->count = c->most;
	c->is_cut = true;
}

static bool
hub_status_is_found(const struct channel *c, const struct text_span *find)
{
	return find->len == 0 ||
	    memmem(c->name, c->entry.name_len, find->text, find->len) != NULL;
}

static void
hub_status_take_channels(const struct hub *hub,
    const struct hub_status_query *query, struct status_channels *taken)
{
	struct status_channel one;
	const struct channel *c;

	TAILQ_FOREACH(c, &hub->channels.all, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (!hub_status_is_found(c, &query->find))
			continue;
		if (taken->count == 2 * taken->most)
			hub_status_sort(taken);
		one.key = hub_status_key(c, query->sort);
		one.channel = c;
		if (taken->is_cut &&
		    hub_status_compare(&one, &taken->list[taken->most - 1]) > 0)
			continue;
		taken->list[taken->count++] = one;
	}
	hub_status_sort(taken);
}

void
hub_status_channels(const struct hub *hub, const struct hub_status_query *query,
    struct json_object *status)
{
	struct json_object *list = json_object_new_array(), *o;
	struct status_channels taken; /* the list is not initialised */
	const struct channel *c;
	size_t i;

	taken.count = 0;
	taken.most = hub_status_limit(query, STATUS_CHANNELS_MAX);
	taken.is_cut = false;
	hub_status_take_channels(hub, query, &taken);
	for (i = 0; list != NULL && i < taken.count; i++) {
		c = taken.list[i].channel;
		o = json_object_new_object();
		json_add_text(o, "channel", c->name, c->entry.name_len);
		json_add_number(o, "events", history_count(&c->history));
		json_add_number(o, "history_bytes", c->counted);
		json_add_number(o, "streams", c->cursor_count);
		json_add_number(o, "published", c->history.next_seq);
		if (history_count(&c->history) > 0)
			json_add_number(o, "newest_seconds",
			    (hub->clock.now_ms - hub_status_newest_ms(c)) /
				1000);
		json_object_array_add(list, o);
	}
	json_add(status, "channel_list", list);
}

void
hub_status_lists(const struct hub *hub, const struct command *c,
    struct json_object *status)
{
	const struct hub_status_query query = {
		.channel = c->channel_count > 0 ? &c->channels[0] : NULL,
		.slow = c->slow,
		.sort = c->sort,
		.find = c->find,
		.limit = c->limit,
	};

	if (c->streams)
		hub_status_streams(hub, &query, status);
	if (c->list_channels)
		hub_status_channels(hub, &query, status);
	if (c->runs)
		hub_run_list(hub, c->limit, status);
}
