/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "protocol/figures.h"
#include "request/metrics.h"

#define METRICS_LATENCY "delivery_latency_seconds"

static int
metrics_append_head(struct buffer *b, const char *name, enum figure_kind kind,
    const char *help)
{
	return buffer_printf(b, "# HELP crier_%s %s\n# TYPE crier_%s %s\n",
	    name, help, name, kind == FIGURE_COUNTER ? "counter" : "gauge");
}

/* The member of a group of the status; NULL if it is not there. */
static struct json_object *
metrics_find(struct json_object *status, const char *group, const char *member)
{
	if (*group != '\0')
		status = json_member(status, group);
	return json_member(status, member);
}

static bool
metrics_read(struct json_object *value, uint64_t *number)
{
	bool flag;

	if (!json_get_flag(value, &flag))
		return json_get_whole(value, UINT64_MAX, number);
	*number = flag;
	return true;
}

static int
metrics_append_figure(struct buffer *b, const struct figure *f,
    struct json_object *status)
{
	uint64_t n;

	if (f->metric == NULL ||
	    !metrics_read(metrics_find(status, f->group, f->member), &n) ||
	    (f->kind == FIGURE_TIME && n == 0))
		return 0;
	if (metrics_append_head(b, f->metric, f->kind, f->help) == -1)
		return -1;
	if (f->kind != FIGURE_MS && f->kind != FIGURE_TIME)
		return buffer_printf(b, "crier_%s %" PRIu64 "\n", f->metric, n);
	return buffer_printf(b, "crier_%s %" PRIu64 ".%03" PRIu64 "\n",
	    f->metric, n / 1000, n % 1000);
}

/* Appends a label; in its value backslash, quote and line end are escaped. */
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

/* Appends a metric that is always 1 and has words as its labels. */
static int
metrics_append_info(struct buffer *b, struct json_object *group,
    const char *name, const char *help, const char *const labels[])
{
	struct json_object *value;
	bool is_first = true;
	size_t i;

	if (metrics_append_head(b, name, FIGURE_GAUGE, help) == -1 ||
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

/* The bucket of a histogram; its bound is given in microseconds. */
static int
metrics_append_bucket(struct buffer *b, struct json_object *bucket)
{
	uint64_t below, events;

	if (!metrics_read(json_member(bucket, "below_us"), &below) ||
	    !metrics_read(json_member(bucket, "events"), &events))
		return 0;
	return buffer_printf(b,
	    "crier_" METRICS_LATENCY "_bucket{le=\"%" PRIu64 ".%06" PRIu64
	    "\"} %" PRIu64 "\n",
	    below / 1000000, below % 1000000, events);
}

/* Appends the one histogram that there is, if the status has it. */
static int
metrics_append_latency(struct buffer *b, struct json_object *status)
{
	struct json_object *list = json_member(status, LATENCY_BUCKETS);
	uint64_t events, sum_us;
	size_t i;

	if (!metrics_read(metrics_find(status, LATENCY_GROUP, "events"),
		&events) ||
	    !metrics_read(metrics_find(status, LATENCY_GROUP, "sum_us"),
		&sum_us))
		return 0;
	if (buffer_append_text(b,
		"# HELP crier_" METRICS_LATENCY
		" From reading an event to its last send.\n"
		"# TYPE crier_" METRICS_LATENCY " histogram\n") == -1)
		return -1;
	for (i = 0; i < json_length(list); i++)
		if (metrics_append_bucket(b,
			json_object_array_get_idx(list, i)) == -1)
			return -1;
	return buffer_printf(b,
	    "crier_" METRICS_LATENCY "_bucket{le=\"+Inf\"} %" PRIu64 "\n"
	    "crier_" METRICS_LATENCY "_sum %" PRIu64 ".%06" PRIu64 "\n"
	    "crier_" METRICS_LATENCY "_count %" PRIu64 "\n",
	    events, sum_us / 1000000, sum_us % 1000000, events);
}

int
metrics_append(struct buffer *b, struct json_object *status)
{
	static const char *const build[] = { "version", NULL };
	static const char *const store[] = { "kind", "durability", NULL };
	size_t before = b->len, i;

	if (metrics_append_info(b, status, "build_info", "Which crierd it is.",
		build) == -1 ||
	    metrics_append_info(b, metrics_find(status, "", "store"),
		"store_info", "Where history is kept.", store) == -1)
		goto fail;
	for (i = 0; i < figures_count; i++)
		if (metrics_append_figure(b, &figures_table[i], status) == -1)
			goto fail;
	if (metrics_append_latency(b, status) == -1)
		goto fail;
	return 0;
fail:
	buffer_truncate(b, before);
	return -1;
}
