/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * All settings of the top level, and of channel sections: the one place, with
 * the member in config.h, where one is added.  They are printed in this order.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/quantity.h"
#include "config/config_key.h"
#include "config/config_setting.h"
#include "protocol/event.h"
#include "protocol/paths.h"
#include "protocol/store_url.h"

#define CONFIG_KILO    UINT64_C(1024)
#define CONFIG_MEGA    (CONFIG_KILO * 1024)
#define CONFIG_TERA    (CONFIG_MEGA * 1024 * 1024)
#define CONFIG_LOG_MAX (UINT64_C(1) << 30)

#define CONFIG_TOP(member) CONFIG_AT(struct config, member)
#define CONFIG_CHANNEL(member) \
	CONFIG_AT(struct config_channel, member), .per_channel = true

static const char *const config_store_errors[] = {
	[CONFIG_REFUSE] = "refuse",
	[CONFIG_MEMORY] = "memory",
};
static const char *const config_booleans[] = { "false", "true" };
static const char *const config_logs[] = {
	[CONFIG_LOG_AUTO] = "auto",
	[CONFIG_LOG_STDERR] = "stderr",
	[CONFIG_LOG_SYSLOG] = "syslog",
};
static const char *const config_log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static char *
config_table_queue(void)
{
	return paths_runtime_file("queue.sock");
}

static char *
config_table_listen(void)
{
	char *path = paths_runtime_file("fcgi.sock"), *address = NULL;

	if (path != NULL && asprintf(&address, "unix:%s", path) == -1)
		address = NULL;
	free(path);
	return address;
}

const struct config_setting config_settings[] = {
	{ "listen", &config_kind_addresses, CONFIG_TOP(listen),
	    .make = config_table_listen, .restart = true },
	{ "listen-mode", &config_kind_mode, CONFIG_TOP(listen_mode),
	    .initial = "0660", .restart = true },
	{ "listen-group", &config_kind_text, CONFIG_TOP(listen_group),
	    .initial = "", .restart = true },
	{ "queue", &config_kind_socket, CONFIG_TOP(queue),
	    .make = config_table_queue, .restart = true },
	{ "queue-mode", &config_kind_mode, CONFIG_TOP(queue_mode),
	    .initial = "0660", .restart = true },
	{ "queue-group", &config_kind_text, CONFIG_TOP(queue_group),
	    .initial = "", .restart = true },
	{ "queue-allow", &config_kind_texts, CONFIG_TOP(queue_allow) },
	{ "handoff-allow", &config_kind_texts, CONFIG_TOP(handoff_allow) },
	{ "run-allow", &config_kind_texts, CONFIG_TOP(run_allow) },
	{ "queue-connections", &config_kind_count,
	    CONFIG_TOP(queue_connections), CONFIG_RANGE(4, 1000000),
	    .initial = "1000" },
	{ "queue-bytes", &config_kind_size, CONFIG_TOP(queue_bytes),
	    CONFIG_RANGE(CONFIG_MEGA, CONFIG_TERA), .initial = "64M" },
	{ "fastcgi-connections", &config_kind_count,
	    CONFIG_TOP(fastcgi_connections), CONFIG_RANGE(0, 10000000),
	    .initial = "0" },
	{ "idle-exit", &config_kind_seconds, CONFIG_TOP(idle_exit_ms),
	    CONFIG_RANGE(1, QUANTITY_YEAR_MS), .initial = "60" },
	/* config_load puts the pipe beside the queue unless it is named. */
	{ "log-bytes", &config_kind_size, CONFIG_TOP(log_bytes),
	    CONFIG_RANGE(65536, CONFIG_LOG_MAX), .initial = "1M" },
	{ "fifo", &config_kind_text, CONFIG_TOP(fifo), .restart = true },
	{ "user", &config_kind_text, CONFIG_TOP(user), .initial = "",
	    .restart = true },
	{ "heartbeat", &config_kind_seconds, CONFIG_CHANNEL(heartbeat_ms),
	    CONFIG_LIMIT(LIMIT_HEARTBEAT_MS), .initial = "25" },
	{ "retry", &config_kind_count, CONFIG_CHANNEL(retry_ms),
	    CONFIG_LIMIT(LIMIT_RETRY_MS), .initial = "3000" },
	{ "max-time", &config_kind_seconds, CONFIG_CHANNEL(max_time_ms),
	    CONFIG_LIMIT(LIMIT_MAX_TIME_MS), .initial = "0" },
	{ "threads", &config_kind_count, CONFIG_TOP(threads),
	    CONFIG_RANGE(1, 64), .initial = "1", .restart = true },
	{ "max-streams", &config_kind_count, CONFIG_TOP(max_streams),
	    CONFIG_RANGE(0, 10000000), .initial = "0" },
	{ "poll", &config_kind_seconds, CONFIG_TOP(poll_ms),
	    CONFIG_LIMIT(LIMIT_POLL_MS), .initial = "0" },
	{ "poll-above", &config_kind_count, CONFIG_TOP(poll_above),
	    CONFIG_LIMIT(LIMIT_POLL_ABOVE), .initial = "0" },
	{ "max-streams-per-user", &config_kind_count,
	    CONFIG_TOP(max_streams_per_user), CONFIG_RANGE(0, 10000000),
	    .initial = "0" },
	{ "max-streams-per-address", &config_kind_count,
	    CONFIG_TOP(max_streams_per_address), CONFIG_RANGE(0, 10000000),
	    .initial = "0" },
	{ "max-channels", &config_kind_count, CONFIG_TOP(max_channels),
	    CONFIG_RANGE(1, CURSORS_MAX), .initial = "64" },
	{ "max-followed", &config_kind_count, CONFIG_TOP(max_followed),
	    CONFIG_RANGE(0, 1000000000), .initial = "1000000" },
	{ "run-max", &config_kind_count, CONFIG_TOP(run_max),
	    CONFIG_RANGE(0, 1000000), .initial = "32" },
	{ "max-request", &config_kind_size, CONFIG_TOP(max_request_bytes),
	    CONFIG_RANGE(CONFIG_KILO, CONFIG_MEGA), .initial = "65536" },
	{ "request-timeout", &config_kind_seconds,
	    CONFIG_TOP(request_timeout_ms), CONFIG_RANGE(1, QUANTITY_HOUR_MS),
	    .initial = "10" },
	{ "max-event", &config_kind_size, CONFIG_TOP(max_event_bytes),
	    CONFIG_LIMIT(LIMIT_EVENT_BYTES), .initial = "65536" },
	{ "keep", &config_kind_count, CONFIG_CHANNEL(keep),
	    CONFIG_RANGE(1, 1000000000), .initial = "10000" },
	{ "keep-bytes", &config_kind_size, CONFIG_CHANNEL(keep_bytes),
	    CONFIG_RANGE(1, CONFIG_TERA), .initial = "1M" },
	{ "keep-seconds", &config_kind_seconds, CONFIG_CHANNEL(keep_ms),
	    CONFIG_RANGE(0, QUANTITY_YEAR_MS * 10), .initial = "86400" },
	{ "history-bytes", &config_kind_size, CONFIG_TOP(history_bytes),
	    CONFIG_RANGE(CONFIG_KILO, CONFIG_TERA), .initial = "256M" },
	{ "replay-bytes", &config_kind_size, CONFIG_TOP(replay_bytes),
	    CONFIG_RANGE(CONFIG_MEGA, CONFIG_TERA), .initial = "32M" },
	{ "replay-waiting", &config_kind_count, CONFIG_TOP(replay_waiting),
	    CONFIG_RANGE(1, 10000000), .initial = "10000" },
	{ "store", &config_kind_store, CONFIG_TOP(store), .initial = "auto",
	    .restart = true },
	{ "store-password-file", &config_kind_text,
	    CONFIG_TOP(store_password_file), .initial = "", .restart = true },
	{ "durability", &config_kind_word, CONFIG_TOP(durability),
	    CONFIG_WORDS(store_durability_name),
	    .form = "none, process or power", .initial = "process",
	    .restart = true },
	{ "store-error", &config_kind_word, CONFIG_TOP(store_error),
	    CONFIG_WORDS(config_store_errors), .form = "refuse or memory",
	    .initial = "refuse", .restart = true },
	{ "key-seconds", &config_kind_seconds, CONFIG_TOP(key_ms),
	    CONFIG_RANGE(1000, QUANTITY_YEAR_MS), .initial = "86400" },
	{ "max-keys", &config_kind_count, CONFIG_TOP(max_keys),
	    CONFIG_RANGE(1, 1000000000), .initial = "1000000" },
	{ "store-bytes", &config_kind_size, CONFIG_TOP(store_bytes),
	    CONFIG_RANGE(0, CONFIG_TERA), .initial = "0" },
	{ "stop-seconds", &config_kind_seconds, CONFIG_TOP(stop_ms),
	    CONFIG_RANGE(0, QUANTITY_YEAR_MS), .initial = "3600" },
	{ "stall-time", &config_kind_seconds, CONFIG_TOP(stall_ms),
	    CONFIG_RANGE(0, QUANTITY_YEAR_MS), .initial = "300" },
	{ "stall-bytes", &config_kind_size, CONFIG_TOP(stall_bytes),
	    CONFIG_RANGE(CONFIG_MEGA, CONFIG_TERA), .initial = "32M" },
	{ "drain-time", &config_kind_seconds, CONFIG_TOP(drain_ms),
	    CONFIG_RANGE(0, QUANTITY_HOUR_MS), .initial = "2" },
	{ "allow-origin", &config_kind_origins, CONFIG_TOP(allow_origin) },
	{ "subscribe", &config_kind_who, CONFIG_CHANNEL(subscribe),
	    .initial = "anyone" },
	{ "publish", &config_kind_who, CONFIG_CHANNEL(publish),
	    .initial = "nobody" },
	{ "token-key", &config_kind_secret, CONFIG_TOP(token_key),
	    .initial = "" },
	{ "token-key-file", &config_kind_text, CONFIG_TOP(token_key_file),
	    .initial = "" },
	{ "token-algorithm", &config_kind_word, CONFIG_TOP(token_algorithm),
	    CONFIG_WORDS(config_algorithms), .form = CONFIG_ALGORITHM_FORM,
	    .initial = "HS256" },
	{ "token-cookie", &config_kind_name, CONFIG_TOP(token_cookie),
	    .initial = "" },
	{ "token-parameter", &config_kind_name, CONFIG_TOP(token_parameter),
	    .initial = "token" },
	{ "token-audience", &config_kind_text, CONFIG_TOP(token_audience),
	    .initial = "" },
	{ "token-leeway", &config_kind_seconds, CONFIG_TOP(token_leeway_ms),
	    CONFIG_RANGE(0, QUANTITY_HOUR_MS), .initial = "0" },
	{ "token-require-exp", &config_kind_word, CONFIG_TOP(token_require_exp),
	    CONFIG_WORDS(config_booleans), .form = "true or false",
	    .initial = "true" },
	{ "log", &config_kind_word, CONFIG_TOP(log), CONFIG_WORDS(config_logs),
	    .form = "auto, stderr or syslog", .initial = "auto" },
	{ "log-level", &config_kind_word, CONFIG_TOP(log_level),
	    CONFIG_WORDS(config_log_levels),
	    .form = "error, warning, info or debug", .initial = "info" },
	{ .name = NULL },
};

_Static_assert(CONFIG_TABLE_FITS(config_settings),
    "arrays have a place for each");
