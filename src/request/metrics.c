/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "request/metrics.h"

enum metrics_kind {
	METRICS_GAUGE,
	METRICS_COUNTER
};

enum metrics_unit {
	METRICS_AS_IS,
	METRICS_MS,  /* told as seconds */
	METRICS_TIME /* the same, since 1970; 0 is none */
};

/* A figure of the status: its group ("" at the top), its name there. */
static const struct metrics_figure {
	const char *group, *member;
	const char *name; /* without its "crier_" */
	enum metrics_kind kind;
	enum metrics_unit unit;
	const char *help;
} metrics_figures[] = {
	{ "", "uptime_seconds", "uptime_seconds", METRICS_GAUGE, METRICS_AS_IS,
	    "Since crierd was started." },
	{ "", "draining", "draining", METRICS_GAUGE, METRICS_AS_IS,
	    "Whether crierd is about to exit." },
	{ "", "streams", "streams", METRICS_GAUGE, METRICS_AS_IS,
	    "Open streams." },
	{ "", "streams_opened", "streams_opened_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Streams opened." },
	{ "", "streams_closed", "streams_closed_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Streams closed." },
	{ "", "streams_turned_away", "streams_turned_away_total",
	    METRICS_COUNTER, METRICS_AS_IS,
	    "Clients asked to come again, for any reason." },
	{ "", "streams_user_full", "streams_user_full_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Of them, for max-streams-per-user." },
	{ "", "streams_address_full", "streams_address_full_total",
	    METRICS_COUNTER, METRICS_AS_IS,
	    "Of them, for max-streams-per-address." },
	{ "", "users", "users", METRICS_GAUGE, METRICS_AS_IS,
	    "Users who have a stream." },
	{ "", "channels", "channels", METRICS_GAUGE, METRICS_AS_IS,
	    "Channels that have history or streams in memory." },
	{ "", "history_bytes", "history_bytes", METRICS_GAUGE, METRICS_AS_IS,
	    "Memory of all histories." },
	{ "limits", "max_streams", "streams_max", METRICS_GAUGE, METRICS_AS_IS,
	    "Streams that may be open." },
	{ "limits", "history_bytes", "history_bytes_max", METRICS_GAUGE,
	    METRICS_AS_IS, "Memory that all histories may take." },
	{ "events", "published", "events_published_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Events accepted." },
	{ "events", "refused", "events_refused_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Events and commands refused." },
	{ "events", "delivered", "events_delivered_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Events sent, over all streams." },
	{ "events", "gaps", "gaps_total", METRICS_COUNTER, METRICS_AS_IS,
	    "Times that a stream was told of missing events." },
	{ "events", "sent_bytes", "sent_bytes_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Bytes sent to streams." },
	{ "events", "writes", "writes_total", METRICS_COUNTER, METRICS_AS_IS,
	    "System calls that sent them." },
	{ "committing", "batches", "store_waiting_batches", METRICS_GAUGE,
	    METRICS_AS_IS, "Batches that the store has not committed yet." },
	{ "committing", "bytes", "store_waiting_bytes", METRICS_GAUGE,
	    METRICS_AS_IS, "Bytes of these." },
	{ "committing", "last_ms", "store_commit_seconds", METRICS_GAUGE,
	    METRICS_MS,
	    "From the first event of a batch to its commit, the "
	    "last time." },
	{ "committing", "wait_ms", "store_wait_seconds", METRICS_GAUGE,
	    METRICS_MS, "For how long nothing was committed that waits." },
	{ "queue", "connections", "queue_peers", METRICS_GAUGE, METRICS_AS_IS,
	    "Connections to the queue." },
	{ "queue", "connections_total", "queue_connections_total",
	    METRICS_COUNTER, METRICS_AS_IS, "Connections to the queue ever." },
	{ "queue", "not_allowed", "queue_not_allowed_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Connections refused by queue-allow." },
	{ "queue", "lines", "queue_lines_total", METRICS_COUNTER, METRICS_AS_IS,
	    "Lines read from the queue's socket." },
	{ "queue", "batches", "queue_batches_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Batches committed." },
	{ "queue", "fifo_lines", "fifo_lines_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Lines read from the named pipe." },
	{ "queue", "fifo_refused", "fifo_refused_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Of them, refused." },
	{ "fastcgi", "waiting", "fastcgi_waiting", METRICS_GAUGE, METRICS_AS_IS,
	    "The web server's connections without a stream." },
	{ "fastcgi", "connections", "fastcgi_connections_total",
	    METRICS_COUNTER, METRICS_AS_IS, "The web server's connections." },
	{ "fastcgi", "requests", "fastcgi_requests_total", METRICS_COUNTER,
	    METRICS_AS_IS, "The web server's requests." },
	{ "fastcgi", "refused", "fastcgi_refused_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Of them, refused with an error." },
	{ "fastcgi", "broken", "fastcgi_broken_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Connections closed for what they sent." },
	{ "store", "commits", "store_commits_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Commits of the store." },
	{ "store", "keys", "store_keys", METRICS_GAUGE, METRICS_AS_IS,
	    "Publishers' keys that are known." },
	{ "store", "degraded", "store_degraded", METRICS_GAUGE, METRICS_AS_IS,
	    "Whether events cannot be stored." },
	{ "store", "events", "store_events", METRICS_GAUGE, METRICS_AS_IS,
	    "Events stored." },
	{ "store", "bytes", "store_bytes", METRICS_GAUGE, METRICS_AS_IS,
	    "Bytes of these." },
	{ "store", "file_bytes", "store_file_bytes", METRICS_GAUGE,
	    METRICS_AS_IS, "The size of the database's file." },
	{ "store", "channels", "store_channels", METRICS_GAUGE, METRICS_AS_IS,
	    "Channels that the store knows." },
	{ "store", "oldest_ms", "store_oldest_timestamp_seconds", METRICS_GAUGE,
	    METRICS_TIME, "When the oldest event was stored." },
	{ "store", "reads", "store_reads_total", METRICS_COUNTER, METRICS_AS_IS,
	    "Streams' reads from the store." },
	{ "store", "errors", "store_errors_total", METRICS_COUNTER,
	    METRICS_AS_IS, "Times that storing failed." },
};

static int
metrics_append_head(struct buffer *b, const char *name, enum metrics_kind kind,
    const char *help)
{
	return buffer_printf(b, "# HELP crier_%s %s\n# TYPE crier_%s %s\n",
	    name, help, name, kind == METRICS_COUNTER ? "counter" : "gauge");
}

/* The member of a group; NULL if it is not there. */
static struct json_object *
metrics_find(struct json_object *status, const char *group, const char *member)
{
	struct json_object *value;

	if (*group != '\0' &&
	    !json_object_object_get_ex(status, group, &status))
		return NULL;
	if (!json_object_is_type(status, json_type_object) ||
	    !json_object_object_get_ex(status, member, &value))
		return NULL;
	return value;
}

static bool
metrics_read(struct json_object *value, uint64_t *number)
{
	if (json_object_is_type(value, json_type_boolean))
		*number = json_object_get_boolean(value) != 0;
	else if (json_object_is_type(value, json_type_int) &&
	    json_object_get_int64(value) >= 0)
		*number = json_object_get_uint64(value);
	else
		return false;
	return true;
}

static int
metrics_append_figure(struct buffer *b, const struct metrics_figure *f,
    struct json_object *status)
{
	uint64_t n;

	if (!metrics_read(metrics_find(status, f->group, f->member), &n) ||
	    (f->unit == METRICS_TIME && n == 0))
		return 0;
	if (metrics_append_head(b, f->name, f->kind, f->help) == -1)
		return -1;
	if (f->unit == METRICS_AS_IS)
		return buffer_printf(b, "crier_%s %" PRIu64 "\n", f->name, n);
	return buffer_printf(b, "crier_%s %" PRIu64 ".%03" PRIu64 "\n", f->name,
	    n / 1000, n % 1000);
}

/* A label's value: backslash, quote and line end are escaped. */
static int
metrics_append_label(struct buffer *b, const char *name, const char *value,
    size_t len)
{
	static const char special[] = "\\\"\n", escapes[] = "\\\"n";
	const char *found;
	char escaped[2] = { '\\', 0 };
	size_t i;

	if (buffer_printf(b, "%s=\"", name) == -1)
		return -1;
	for (i = 0; i < len; i++) {
		found = value[i] == '\0' ? NULL : strchr(special, value[i]);
		if (found == NULL) {
			if (buffer_append(b, value + i, 1) == -1)
				return -1;
			continue;
		}
		escaped[1] = escapes[found - special];
		if (buffer_append(b, escaped, 2) == -1)
			return -1;
	}
	return buffer_append(b, "\"", 1);
}

/* A metric that is always 1, with words as its labels. */
static int
metrics_append_info(struct buffer *b, struct json_object *group,
    const char *name, const char *help, const char *const labels[])
{
	struct json_object *value;
	bool is_first = true;
	size_t i;

	if (metrics_append_head(b, name, METRICS_GAUGE, help) == -1 ||
	    buffer_printf(b, "crier_%s{", name) == -1)
		return -1;
	for (i = 0; labels[i] != NULL; i++) {
		value = metrics_find(group, "", labels[i]);
		if (!json_object_is_type(value, json_type_string))
			continue;
		if (!is_first && buffer_append(b, ",", 1) == -1)
			return -1;
		is_first = false;
		if (metrics_append_label(b, labels[i],
			json_object_get_string(value),
			(size_t)json_object_get_string_len(value)) == -1)
			return -1;
	}
	return buffer_append_text(b, "} 1\n");
}

int
metrics_append(struct buffer *b, struct json_object *status)
{
	static const char *const build[] = { "version", NULL };
	static const char *const store[] = { "kind", "durability", NULL };
	const size_t count = sizeof metrics_figures / sizeof *metrics_figures;
	size_t before = b->len, i;

	if (metrics_append_info(b, status, "build_info", "Which crierd it is.",
		build) == -1 ||
	    metrics_append_info(b, metrics_find(status, "", "store"),
		"store_info", "Where history is kept.", store) == -1)
		goto fail;
	for (i = 0; i < count; i++)
		if (metrics_append_figure(b, &metrics_figures[i], status) == -1)
			goto fail;
	return 0;
fail:
	buffer_truncate(b, before);
	return -1;
}
