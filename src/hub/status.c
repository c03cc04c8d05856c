/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "hub/status.h"

void
status_add(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

static struct json_object *
hub_status_events(const struct hub *hub)
{
	struct json_object *o = json_object_new_object();

	status_add(o, "published", hub->counters.published);
	status_add(o, "refused", hub->counters.refused);
	status_add(o, "delivered", hub->counters.delivered);
	status_add(o, "gaps", hub->counters.gaps);
	status_add(o, "sent_bytes", hub->counters.bytes);
	status_add(o, "writes", hub->counters.writes);
	return o;
}

static struct json_object *
hub_status_limits(const struct hub *hub)
{
	const struct config *c = hub->config;
	const struct config_channel *all = &c->channels[c->channel_count - 1];
	struct json_object *o = json_object_new_object();

	status_add(o, "max_streams", hub->max_streams);
	status_add(o, "max_channels", c->max_channels);
	status_add(o, "max_event_bytes", c->max_event_bytes);
	status_add(o, "max_request_bytes", c->max_request_bytes);
	status_add(o, "request_timeout_ms", c->request_timeout_ms);
	status_add(o, "history_bytes", c->history_bytes);
	status_add(o, "keep", all->keep);
	status_add(o, "keep_bytes", all->keep_bytes);
	status_add(o, "keep_seconds", all->keep_ms / 1000);
	status_add(o, "heartbeat_ms", all->heartbeat_ms);
	status_add(o, "retry_ms", all->retry_ms);
	status_add(o, "max_time_ms", all->max_time_ms);
	status_add(o, "stop_seconds", c->stop_ms / 1000);
	status_add(o, "drain_ms", c->drain_ms);
	return o;
}

void
hub_status(const struct hub *hub, struct json_object *status)
{
	char last[ID_TEXT_SIZE];

	status_add(status, "uptime_seconds",
	    (hub->now_ms - hub->started_ms) / 1000);
	json_object_object_add(status, "draining",
	    json_object_new_boolean(hub->is_draining));
	status_add(status, "streams", hub->stream_count);
	status_add(status, "streams_opened", hub->counters.opened);
	status_add(status, "streams_closed", hub->counters.closed);
	status_add(status, "streams_turned_away", hub->counters.turned_away);
	status_add(status, "channels", hub->channels.count);
	status_add(status, "history_bytes", hub->history_bytes);
	id_format(hub->last, last);
	json_object_object_add(status, "last_id", json_object_new_string(last));
	json_object_object_add(status, "events", hub_status_events(hub));
	json_object_object_add(status, "limits", hub_status_limits(hub));
}
