/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * All settings of a route section: the one place, with the member in
 * config_route.h, where one is added.  They are printed in this order.  A
 * number without a default stays CONFIG_UNSET: then the channels' rules hold,
 * or what holds for all.
 */

#include "config/config_route.h"
#include "config/config_setting.h"

#define CONFIG_SUBSCRIBE CONFIG_ROUTE_BIT(CONFIG_ROUTE_SUBSCRIBE)
#define CONFIG_PUBLISH   CONFIG_ROUTE_BIT(CONFIG_ROUTE_PUBLISH)
#define CONFIG_RUN       CONFIG_ROUTE_BIT(CONFIG_ROUTE_RUN)
#define CONFIG_STREAMS   (CONFIG_SUBSCRIBE | CONFIG_RUN)

#define CONFIG_ROUTE(member) CONFIG_AT(struct config_route, member)

static const char *const config_statuses[] = {
	[CONFIG_STATUS_JSON] = "json",
	[CONFIG_STATUS_PROMETHEUS] = "prometheus",
	[CONFIG_STATUS_PAGE] = "page",
};
static const char *const config_scripts[] = { "on" };
static const char *const config_busy[] = {
	[CONFIG_BUSY_JOIN] = "join",
	[CONFIG_BUSY_REFUSE] = "refuse",
};
static const char *const config_formats[] = {
	[CONFIG_FORMAT_LINES] = "lines",
	[CONFIG_FORMAT_RAW] = "raw",
};

const struct config_setting config_route_settings[] = {
	{ "subscribe", &config_kind_templates, CONFIG_ROUTE(subscribe),
	    .routes = CONFIG_SUBSCRIBE, .is_kind = true },
	{ "publish", &config_kind_templates, CONFIG_ROUTE(publish),
	    .routes = CONFIG_PUBLISH, .is_kind = true },
	{ "status", &config_kind_word, CONFIG_ROUTE(status),
	    CONFIG_WORDS(config_statuses), .form = "json, prometheus or page",
	    .routes = CONFIG_ROUTE_BIT(CONFIG_ROUTE_STATUS), .is_kind = true },
	{ "run", &config_kind_texts, CONFIG_ROUTE(run), .routes = CONFIG_RUN,
	    .is_kind = true },
	{ "presence", &config_kind_template, CONFIG_ROUTE(presence),
	    .routes = CONFIG_ROUTE_BIT(CONFIG_ROUTE_PRESENCE),
	    .is_kind = true },
	{ "script", &config_kind_word, CONFIG_ROUTE(script),
	    CONFIG_WORDS(config_scripts), .form = "on",
	    .routes = CONFIG_ROUTE_BIT(CONFIG_ROUTE_SCRIPT), .is_kind = true },
	{ "stop", &config_kind_template, CONFIG_ROUTE(stop),
	    .routes = CONFIG_ROUTE_BIT(CONFIG_ROUTE_STOP), .is_kind = true },
	{ "allow", &config_kind_viewers, CONFIG_ROUTE(allow),
	    .routes = CONFIG_ROUTE_BIT(CONFIG_ROUTE_STATUS) },
	{ "data", &config_kind_template, CONFIG_ROUTE(data),
	    .routes = CONFIG_PUBLISH, .field = CONFIG_FIELD_DATA },
	{ "event", &config_kind_template, CONFIG_ROUTE(event),
	    .routes = CONFIG_PUBLISH, .field = CONFIG_FIELD_EVENT },
	{ "id", &config_kind_template, CONFIG_ROUTE(id),
	    .routes = CONFIG_PUBLISH, .field = CONFIG_FIELD_ID },
	{ "key", &config_kind_template, CONFIG_ROUTE(key),
	    .routes = CONFIG_PUBLISH | CONFIG_RUN, .field = CONFIG_FIELD_KEY },
	/* In a route with streams, the retry is a number (config_route_finish).
	 */
	{ "retry", &config_kind_template, CONFIG_ROUTE(retry),
	    .routes = CONFIG_PUBLISH | CONFIG_STREAMS,
	    .field = CONFIG_FIELD_RETRY },
	{ "expires", &config_kind_template, CONFIG_ROUTE(expires),
	    .routes = CONFIG_PUBLISH, .field = CONFIG_FIELD_EXPIRES },
	{ "reply", &config_kind_template, CONFIG_ROUTE(reply),
	    .routes = CONFIG_PUBLISH, .field = CONFIG_FIELD_REPLY },
	{ "reply-type", &config_kind_text, CONFIG_ROUTE(reply_type),
	    .routes = CONFIG_PUBLISH, .initial = "application/json" },
	{ "format", &config_kind_word, CONFIG_ROUTE(format),
	    CONFIG_WORDS(config_formats), .form = "lines or raw",
	    .routes = CONFIG_RUN, .initial = "lines" },
	{ "run-time", &config_kind_seconds, CONFIG_ROUTE(run_ms),
	    CONFIG_LIMIT(LIMIT_RUN_TIME_MS), .routes = CONFIG_RUN,
	    .initial = "0" },
	{ "run-bytes", &config_kind_size, CONFIG_ROUTE(run_bytes),
	    CONFIG_RANGE(0, UINT64_C(1) << 40), .routes = CONFIG_RUN,
	    .initial = "0" },
	/* These have their defaults where a run has a channel. */
	{ "channel", &config_kind_template, CONFIG_ROUTE(channel),
	    .routes = CONFIG_RUN },
	{ "run-busy", &config_kind_word, CONFIG_ROUTE(run_busy),
	    CONFIG_WORDS(config_busy), .form = "join or refuse",
	    .routes = CONFIG_RUN },
	{ "run-linger", &config_kind_linger, CONFIG_ROUTE(run_linger_ms),
	    .routes = CONFIG_RUN },
	{ "run-again", &config_kind_flag, CONFIG_ROUTE(run_again),
	    .routes = CONFIG_RUN },
	{ "end-event", &config_kind_text, CONFIG_ROUTE(end_event),
	    .routes = CONFIG_STREAMS, .initial = "crier.end" },
	{ "end-data", &config_kind_lines, CONFIG_ROUTE(end_data),
	    .routes = CONFIG_STREAMS },
	{ "end-stop", &config_kind_flag, CONFIG_ROUTE(end_stop),
	    .routes = CONFIG_STREAMS, .initial = "false" },
	{ "terse", &config_kind_flag, CONFIG_ROUTE(terse),
	    .routes = CONFIG_STREAMS, .initial = "false" },
	{ "poll", &config_kind_seconds, CONFIG_ROUTE(poll_ms),
	    CONFIG_LIMIT(LIMIT_POLL_MS), .routes = CONFIG_SUBSCRIBE },
	{ "poll-above", &config_kind_count, CONFIG_ROUTE(poll_above),
	    CONFIG_LIMIT(LIMIT_POLL_ABOVE), .routes = CONFIG_SUBSCRIBE },
	{ "last", &config_kind_count, CONFIG_ROUTE(last),
	    CONFIG_LIMIT(LIMIT_LAST), .routes = CONFIG_SUBSCRIBE },
	{ "heartbeat", &config_kind_seconds, CONFIG_ROUTE(heartbeat_ms),
	    CONFIG_LIMIT(LIMIT_HEARTBEAT_MS), .routes = CONFIG_STREAMS },
	{ "max-time", &config_kind_seconds, CONFIG_ROUTE(max_time_ms),
	    CONFIG_LIMIT(LIMIT_MAX_TIME_MS), .routes = CONFIG_SUBSCRIBE },
	{ .name = NULL },
};

_Static_assert(CONFIG_TABLE_FITS(config_route_settings),
    "arrays have a place for each");
