/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/status.h"

static struct json_object *
hub_status_events(const struct hub *hub)
{
	struct json_object *o = json_object_new_object();

	json_add_number(o, "published", hub->counters.published);
	json_add_number(o, "refused", hub->counters.refused);
	json_add_number(o, "delivered", hub->counters.delivered);
	json_add_number(o, "gaps", hub->counters.gaps);
	json_add_number(o, "sent_bytes", hub->counters.bytes);
	json_add_number(o, "writes", hub->counters.writes);
	return o;
}

/* What is on its way through the store. */
static struct json_object *
hub_status_committing(const struct hub *hub)
{
	struct json_object *o = json_object_new_object();

	json_add_number(o, "batches", hub->batches);
	json_add_number(o, "bytes", hub->batched_bytes);
	json_add_number(o, "last_ms", hub->store_ms);
	json_add_number(o, "wait_ms", hub_store_wait_ms(hub));
	return o;
}

static struct json_object *
hub_status_limits(const struct hub *hub)
{
	const struct config *c = hub->config;
	const struct config_channel *all = &c->channels[c->channel_count - 1];
	struct json_object *o = json_object_new_object();

	json_add_number(o, "threads", c->threads);
	json_add_number(o, "max_streams", hub->max_streams);
	json_add_number(o, "poll_ms", c->poll_ms);
	json_add_number(o, "poll_above", c->poll_above);
	json_add_number(o, "max_streams_per_user", c->max_streams_per_user);
	json_add_number(o, "max_streams_per_address",
	    c->max_streams_per_address);
	json_add_number(o, "max_channels", c->max_channels);
	json_add_number(o, "run_max", c->run_max);
	json_add_number(o, "max_event_bytes", c->max_event_bytes);
	json_add_number(o, "max_request_bytes", c->max_request_bytes);
	json_add_number(o, "request_timeout_ms", c->request_timeout_ms);
	json_add_number(o, "history_bytes", c->history_bytes);
	json_add_number(o, "keep", all->keep);
	json_add_number(o, "keep_bytes", all->keep_bytes);
	json_add_number(o, "keep_seconds", all->keep_ms / 1000);
	json_add_number(o, "heartbeat_ms", all->heartbeat_ms);
	json_add_number(o, "retry_ms", all->retry_ms);
	json_add_number(o, "max_time_ms", all->max_time_ms);
	json_add_number(o, "stop_seconds", c->stop_ms / 1000);
	json_add_number(o, "drain_ms", c->drain_ms);
	json_add_number(o, "stall_ms", c->stall_ms);
	return o;
}

void
hub_status(const struct hub *hub, struct json_object *status)
{
	char last[ID_TEXT_SIZE];

	json_add_number(status, "uptime_seconds",
	    (hub->now_ms - hub->started_ms) / 1000);
	json_add(status, "draining", json_object_new_boolean(hub->is_draining));
	json_add_number(status, "streams", hub->stream_count);
	json_add_number(status, "streams_opened", hub->counters.opened);
	json_add_number(status, "streams_closed", hub->counters.closed);
	json_add_number(status, "streams_turned_away",
	    hub->counters.turned_away);
	json_add_number(status, "streams_polling", hub->poll_count);
	json_add_number(status, "polls_served", hub->counters.polls);
	json_add_number(status, "streams_user_full", hub->counters.user_full);
	json_add_number(status, "streams_address_full",
	    hub->counters.address_full);
	json_add_number(status, "users", hub->users.count);
	json_add_number(status, "channels", hub->channels.count);
	json_add_number(status, "history_bytes", hub->history_bytes);
	json_add_text(status, "last_id", last, id_format(hub->last, last));
	json_add(status, "events", hub_status_events(hub));
	json_add(status, "committing", hub_status_committing(hub));
	json_add(status, "limits", hub_status_limits(hub));
}

void
hub_status_add_stream(const struct stream *s, struct json_object *o)
{
	struct json_object *names = json_object_new_array();
	const char *user = stream_user(s), *address = stream_address(s);
	size_t i;

	json_add_number(o, "stream", s->id);
	json_add_text(o, "user", user, strlen(user));
	json_add_text(o, "address", address, strlen(address));
	for (i = 0; names != NULL && i < s->cursor_count; i++)
		json_object_array_add(names,
		    json_object_new_string(s->cursors[i].channel->name));
	json_add(o, "channels", names);
	json_add(o, "door", json_object_new_string(s->framing->name));
}

void
hub_status_add_sums(const struct stream *s, struct json_object *o)
{
	json_add_number(o, "seconds", (s->hub->now_ms - s->opened_ms) / 1000);
	json_add_number(o, "events", s->events);
	json_add_number(o, "bytes", s->bytes);
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

void
hub_status_streams(const struct hub *hub, const struct text_span *channel,
    struct json_object *status)
{
	struct json_object *list = json_object_new_array();
	struct json_object *o;
	const struct stream *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &hub->streams, link) {
		if (list == NULL || n == STATUS_STREAMS_MAX)
			break;
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (channel != NULL && !hub_status_follows(s, channel))
			continue;
		n++;
		o = json_object_new_object();
		hub_status_add_stream(s, o);
		hub_status_add_sums(s, o);
		json_add_number(o, "heartbeat_ms", s->heartbeat_ms);
		json_object_array_add(list, o);
	}
	json_add(status, "list", list);
}
