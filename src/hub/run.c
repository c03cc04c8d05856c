/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "hub/publish.h"
#include "hub/run_part.h"

/*
 * What the hub knows of runs.
 *
 * A run that is going on has its channel, which stays for it, and of which it
 * is told whether streams follow it.  What it publishes goes the way of all
 * events, through the turn's batch; a waiter in that batch tells it what became
 * of them, behind the delivery.  When it has ended, a record stays: of each
 * channel the last one is found by the channel's name, and each that had a key
 * by that.
 */

static struct hub_run *
run_by_key(struct table_entry *e)
{
	return e == NULL ? NULL
			 : (struct hub_run *)(void *)((char *)e -
			       offsetof(struct hub_run, by_key));
}

/* Another run of its channel is the last one now. */
static void
run_leave_channel(struct hub_run *run)
{
	if (run->is_last)
		table_remove(&run->hub->runs.channels, &run->by_channel);
	run->is_last = false;
}

static void
run_free(struct hub_run *run)
{
	run_leave_channel(run);
	if (run->by_key.name != NULL)
		table_remove(&run->hub->runs.keys, &run->by_key);
	free(run->name_key);
	free(run->end_claim);
	free(run->user);
	free(run);
}

/* Forgets those that ended longest ago, if they are too many or too old. */
static void
run_forget(struct hub *hub)
{
	struct hub_runs *runs = &hub->runs;
	struct hub_run *run, *next;

	TAILQ_FOREACH_SAFE(run, &runs->over, link, next) {
		/* Its batch is on its way, and has it. */
		if (run->count > 0)
			return;
		if (runs->over_count <= RUNS_MAX &&
		    run->end.ms + hub->config->key_ms >= hub->clock.wall_ms)
			return;
		TAILQ_REMOVE(&runs->over, run, link);
		runs->over_count--;
		run_drop_note(run);
		run_free(run);
	}
}

struct id
hub_run_position(struct hub *hub)
{
	return publish_skip_id(hub);
}

/* Makes a key's entry, which stands for the channel, too; 0, or -1. */
static int
run_set_key(struct hub_run *run, struct text_span key)
{
	int len;

	if (key.len == 0)
		return 0;
	len = asprintf(&run->name_key, "%s\n%.*s", run->name, (int)key.len,
	    key.text);
	if (len == -1) {
		run->name_key = NULL;
		return -1;
	}
	run->by_key.name = run->name_key;
	run->by_key.name_len = (size_t)len;
	if (table_insert(&run->hub->runs.keys, &run->by_key) == 0)
		return 0;
	run->by_key.name = NULL;
	return -1;
}

static int
run_enter(struct hub_run *run)
{
	struct hub *hub = run->hub;
	struct hub_run *before =
	    run_last(hub, run->name, run->by_channel.name_len);

	if (before != NULL)
		run_leave_channel(before);
	if (table_insert(&hub->runs.channels, &run->by_channel) == -1)
		return -1;
	run->is_last = true;
	return 0;
}

struct hub_run *
hub_run_begin(struct hub *hub, const struct hub_run_options *o)
{
	struct hub_run *run = calloc(1, sizeof *run + o->channel.len + 1);

	if (run == NULL)
		return NULL;
	memcpy(run->name, o->channel.text, o->channel.len);
	run->hub = hub;
	run->by_channel.name = run->name;
	run->by_channel.name_len = o->channel.len;
	run->begin = o->begin;
	run->hooks = o->hooks;
	run->arg = o->arg;
	run->began_ms = hub->clock.now_ms;
	if ((run->user = strdup(o->user)) == NULL ||
	    run_set_key(run, o->key) == -1 ||
	    (run->channel = channel_get(hub, run->name, o->channel.len)) ==
		NULL ||
	    run_enter(run) == -1) {
		if (run->channel != NULL)
			channel_release(hub, run->channel);
		run_free(run);
		return NULL;
	}
	run->channel->has_run = true;
	TAILQ_INSERT_TAIL(&hub->runs.going, run, link);
	hub->runs.going_count++;
	hub->counters.runs_begun++;
	if (o->note != NULL) {
		run_note(run, o->note, NULL);
		hub_run_end_turn(run);
	}
	return run;
}

/* The batch has come back: how many of the run's events are in the history? */
static void
run_committed(struct batch_waiter *waiter, const struct batch *b)
{
	struct hub_run *run = (struct hub_run *)(void *)((char *)waiter -
	    offsetof(struct hub_run, waiter));
	size_t n = run->count, accepted;
	const struct batch_event *e;
	struct id last = { 0, 0 };

	run->count = 0;
	for (accepted = 0; accepted < n; accepted++) {
		e = &b->events[run->first + accepted];
		if (e->outcome == BATCH_REFUSED)
			break;
		last = e->id;
		run->events++;
		run->bytes += e->record_len;
	}
	if (run->hooks != NULL)
		run->hooks->committed(run->arg, accepted, last,
		    accepted < n ? b->error : NULL);
}

const char *
hub_run_publish(struct hub_run *run, const struct event_fields *e, bool is_end,
    int *code)
{
	struct hub *hub = run->hub;
	const struct text_span name = { run->name, run->by_channel.name_len };
	const char *why =
	    is_end ? NULL : event_check(e, hub->config->max_event_bytes);
	struct batch *b;
	size_t place;

	*code = EX_DATAERR;
	if (why != NULL)
		return why;
	switch (publish_event(hub, &name, 1, e)) {
	case -1:
		*code = EX_TEMPFAIL;
		return "out of memory";
	case 1:
		return "the event is too large for the store";
	default:
		break;
	}
	b = hub->turn.batch;
	place = b->event_count - 1;
	if (is_end)
		run_note(run, NULL, &place);
	if (run->count++ > 0)
		return NULL;
	run->first = place;
	run->waiter.done = run_committed;
	STAILQ_INSERT_TAIL(&b->waiters, &run->waiter, link);
	return NULL;
}

/* Streams that were opened for the run end when they have all of it. */
static void
run_end_streams(struct hub_run *run)
{
	struct channel *c = run->channel;
	struct stream *s;
	uint32_t i;

	/* A stream that ends at once keeps its place until it is reaped. */
	for (i = c->cursor_count; i-- > 0;) {
		s = c->cursors[i]->stream;
		if (!s->ends_with_run || s->state != STREAM_OPEN)
			continue;
		s->state = STREAM_LAST_EVENTS;
		if (!s->is_writing)
			stream_write(s);
	}
}

/* The run is over, and remembered. */
static void
run_leave(struct hub_run *run, struct id end)
{
	struct hub *hub = run->hub;
	struct channel *c = run->channel;

	run->hooks = NULL;
	run->end = end;
	run_release(run);
	run->channel = NULL;
	c->has_run = false;
	channel_release(hub, c);
	TAILQ_REMOVE(&hub->runs.going, run, link);
	hub->runs.going_count--;
	TAILQ_INSERT_TAIL(&hub->runs.over, run, link);
	hub->runs.over_count++;
	run_forget(hub);
}

void
hub_run_end(struct hub_run *run, struct id end)
{
	run->hooks = NULL;
	run_end_streams(run);
	run_leave(run, end);
}

void
hub_run_lose(struct hub_run *run)
{
	run_leave(run, run->begin);
}

void
hub_run_cancel(struct hub_run *run, bool ends_streams)
{
	struct hub *hub = run->hub;
	struct channel *c = run->channel;
	uint32_t i;

	run->hooks = NULL;
	/* Nothing is released that another node may have. */
	free(run->end_claim);
	run->end_claim = NULL;
	for (i = c->cursor_count; ends_streams && i-- > 0;)
		if (c->cursors[i]->stream->ends_with_run)
			stream_end(c->cursors[i]->stream, STREAM_ERROR, 0);
	c->has_run = false;
	channel_release(hub, c);
	TAILQ_REMOVE(&hub->runs.going, run, link);
	hub->runs.going_count--;
	run_free(run);
}

void
hub_run_break(struct hub_run *run, const struct event_fields *end)
{
	const struct text_span name = { run->name, run->by_channel.name_len };
	size_t place;

	run->hooks = NULL;
	run_release(run);
	/* Without memory for it the next crierd tells of it, or nobody. */
	if (end == NULL || publish_event(run->hub, &name, 1, end) != 0)
		return;
	place = run->hub->turn.batch->event_count - 1;
	run_note(run, NULL, &place);
	hub_run_end_turn(run);
}

struct hub_run *
hub_run_find(struct hub *hub, struct text_span channel)
{
	run_forget(hub);
	return run_last(hub, channel.text, channel.len);
}

struct hub_run *
hub_run_find_key(struct hub *hub, struct text_span channel,
    struct text_span key)
{
	char name[CHANNEL_NAME_MAX + EVENT_NAME_MAX + 2];
	int len;

	run_forget(hub);
	if (key.len == 0)
		return NULL;
	len = snprintf(name, sizeof name, "%.*s\n%.*s", (int)channel.len,
	    channel.text, (int)key.len, key.text);
	return run_by_key(table_find(&hub->runs.keys, name, (size_t)len));
}

void
hub_run_count(struct hub *hub, bool is_busy)
{
	if (is_busy)
		hub->counters.runs_busy++;
	else
		hub->counters.runs_joined++;
}

bool
hub_run_is_going(const struct hub_run *run)
{
	return run->channel != NULL;
}

struct id
hub_run_begin_id(const struct hub_run *run)
{
	return run->begin;
}

struct id
hub_run_end_id(const struct hub_run *run)
{
	return run->end;
}

const char *
hub_run_channel(const struct hub_run *run)
{
	return run->name;
}

size_t
hub_run_streams(const struct hub_run *run)
{
	return run->channel == NULL ? 0 : run->channel->cursor_count;
}

int
hub_run_stop(struct hub *hub, struct text_span channel, const char *user)
{
	struct hub_run *run = hub_run_find(hub, channel);

	if (run == NULL || run->hooks == NULL)
		return 0;
	if (user != NULL && strcmp(user, run->user) != 0)
		return -1;
	run->hooks->stopped(run->arg);
	return run->is_taken ? 0 : 1;
}

void
hub_run_list(const struct hub *hub, uint64_t limit, struct json_object *status)
{
	struct json_object *list = json_object_new_array(), *o;
	const struct hub_run *run;
	char since[ID_TEXT_SIZE];
	size_t n = 0;

	if (limit == 0 || limit > RUNS_LISTED)
		limit = RUNS_LISTED;
	TAILQ_FOREACH(run, &hub->runs.going, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (hub->store->is_shared && !run->is_claimed)
			continue;
		if (list == NULL || n++ == limit)
			break;
		o = json_object_new_object();
		json_add_string(o, "channel", run->name);
		/* cppcheck-suppress uninitvar; the loop sets it */
		json_add_text(o, "since", since, id_format(run->begin, since));
		json_add_number(o, "seconds",
		    (hub->clock.now_ms - run->began_ms) / 1000);
		json_add_number(o, "streams", run->channel->cursor_count);
		json_add_number(o, "events", run->events);
		json_add_number(o, "bytes", run->bytes);
		json_add_string(o, "user", run->user);
		json_object_array_add(list, o);
	}
	json_add(status, "run_list", list);
}

void
runs_followed(struct hub *hub, const struct channel *c)
{
	const struct hub_run *run =
	    hub_run_find(hub, (struct text_span){ c->name, c->entry.name_len });

	if (run != NULL && run->hooks != NULL)
		run->hooks->followed(run->arg, c->cursor_count);
}

/* The newest id that is known of a channel's events, or of their absence. */
static struct id
run_newest(const struct channel *c)
{
	const struct history *h = &c->history;

	return history_count(h) == 0 ? h->floor
				     : history_at(h, h->next_seq - 1)->id;
}

bool
runs_find_begin(const struct hub *hub, const struct subscription *sub,
    struct id *begin)
{
	const struct hub_run *run = NULL;

	if (sub->from_run && sub->channel_count == 1)
		run =
		    run_last(hub, sub->channels[0].text, sub->channels[0].len);
	if (run != NULL)
		*begin = run->begin;
	return run != NULL;
}

bool
runs_have_ended(struct hub *hub, const struct subscription *sub)
{
	const struct hub_run *run;
	const struct channel *c;
	struct id since;

	if (sub->channel_count != 1 || sub->since.len == 0 ||
	    !id_parse(sub->since.text, sub->since.len, &since))
		return false;
	run = hub_run_find(hub, sub->channels[0]);
	if (run == NULL)
		return sub->ends_with_run;
	if (run->channel != NULL || id_cmp(since, run->end) < 0)
		return false;
	c = channel_find(hub, run->name, run->by_channel.name_len);
	return sub->ends_with_run || c == NULL ||
	    id_cmp(run_newest(c), since) <= 0;
}

void
runs_init(struct hub *hub)
{
	table_init(&hub->runs.channels);
	table_init(&hub->runs.keys);
	TAILQ_INIT(&hub->runs.going);
	TAILQ_INIT(&hub->runs.over);
}

void
runs_clear(struct hub *hub)
{
	struct hub_run *run;

	while ((run = TAILQ_FIRST(&hub->runs.going)) != NULL) {
		TAILQ_REMOVE(&hub->runs.going, run, link);
		run_free(run);
	}
	while ((run = TAILQ_FIRST(&hub->runs.over)) != NULL) {
		TAILQ_REMOVE(&hub->runs.over, run, link);
		run_free(run);
	}
	table_clear(&hub->runs.channels);
	table_clear(&hub->runs.keys);
}
