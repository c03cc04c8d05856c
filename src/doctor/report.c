/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "doctor/report.h"

void
report_init(struct report *r, const char *url, const struct measure *m)
{
	size_t i;

	memset(r, 0, sizeof *r);
	r->url = url;
	r->m = m;
	r->attachment = advice_attachment(m->door, m->server, m->held_bytes);
	verdict_checks(m, r->checks);
	for (i = 0; i < VERDICT_CHECKS; i++) {
		r->faults += r->checks[i].verdict == VERDICT_FAULT;
		r->warnings += r->checks[i].verdict == VERDICT_WARNING;
	}
}

/* Whether a check before this one has had the same advice. */
static bool
report_is_repeated(const struct report *r, size_t check)
{
	size_t i;

	for (i = 0; i < check; i++)
		if (r->checks[i].fault == r->checks[check].fault)
			return true;
	return false;
}

void
report_print_lines(const char *lines, FILE *to)
{
	size_t len;

	for (; *lines != '\0'; lines += len) {
		len = strcspn(lines, "\n");
		fprintf(to, "        %.*s\n", (int)len, lines);
		len += lines[len] == '\n';
	}
}

void
report_print_sum(size_t faults, size_t warnings, FILE *to)
{
	fprintf(to, "\n%zu fault%s, %zu warning%s\n", faults,
	    faults == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

static void
report_print_advice(const struct report *r, const struct check *c, FILE *to)
{
	const struct advice *a = NULL;

	fprintf(to, "\n%s: %s\n", c->name, c->text);
	while ((a = advice_next(a, r->m->server, r->attachment, c->fault)) !=
	    NULL) {
		if (a->server == SERVER_UNKNOWN)
			fprintf(to, "    %s:\n", a->where);
		else
			fprintf(to, "    %s, %s:\n",
			    advice_server_name(a->server), a->where);
		report_print_lines(a->directive, to);
		if (a->why != NULL)
			fprintf(to, "    (%s)\n", a->why);
	}
}

void
report_print(const struct report *r, FILE *to)
{
	size_t i;

	fprintf(to, "%-12s %-8s measured\n", "check", "verdict");
	for (i = 0; i < VERDICT_CHECKS; i++)
		fprintf(to, "%-12s %-8s %s\n", r->checks[i].name,
		    verdict_name(r->checks[i].verdict), r->checks[i].text);
	for (i = 0; i < VERDICT_CHECKS; i++)
		if (r->checks[i].fault != FAULT_NONE &&
		    !report_is_repeated(r, i))
			report_print_advice(r, &r->checks[i], to);
	report_print_sum(r->faults, r->warnings, to);
}

static void
report_add_text(struct json_object *o, const char *name, const char *text)
{
	if (text != NULL)
		json_add_string(o, name, text);
}

/* Milliseconds with decimals, or null for what never was. */
static void
report_add_time(struct json_object *o, const char *name, uint64_t us)
{
	char text[32];

	snprintf(text, sizeof text, "%.3f", (double)us / 1000);
	json_add(o, name,
	    us == MEASURE_NEVER
		? NULL
		: json_object_new_double_s((double)us / 1000, text));
}

static struct json_object *
report_response(const struct measure *m)
{
	struct json_object *o = json_object_new_object();

	json_add_number(o, "status", (uint64_t)m->head.status);
	report_add_text(o, "http_version", m->head.http_version);
	report_add_text(o, "server", m->head.server);
	report_add_text(o, "via", m->head.via);
	report_add_text(o, "content_type", m->head.type);
	report_add_text(o, "cache_control", m->head.cache);
	report_add_text(o, "content_encoding", m->head.encoding);
	report_add_text(o, "location", m->head.location);
	report_add_time(o, "head_ms", m->head_us);
	report_add_time(o, "first_byte_ms", m->first_us);
	return o;
}

static struct json_object *
report_events(const struct measure *m)
{
	struct json_object *list = json_object_new_array(), *o;
	size_t i;

	for (i = 0; list != NULL && i < m->event_count; i++) {
		o = json_object_new_object();
		report_add_time(o, "ms", m->events[i].delay_us);
		json_add_flag(o, "with_next", m->events[i].with_next);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
report_measured(const struct measure *m)
{
	struct json_object *o = json_object_new_object();

	json_add(o, "response", report_response(m));
	json_add_flag(o, "at_crierd", m->at_crierd);
	json_add(o, "events", report_events(m));
	json_add(o, "held_bytes",
	    m->held_bytes == MEASURE_NEVER
		? NULL
		: json_object_new_uint64(m->held_bytes));
	if (m->is_polling)
		json_add_number(o, "polls", m->polls);
	if (m->has_crowd) {
		json_add_number(o, "streams_opened", m->crowd_opened);
		json_add_number(o, "streams_at_crierd", m->crowd_at_crierd);
	}
	if (m->has_idle) {
		report_add_time(o, "cut_ms", m->cut_us);
		json_add_number(o, "heartbeats", m->heartbeats);
		report_add_text(o, "end", m->end);
	}
	if (m->has_leaving)
		report_add_time(o, "leaving_ms", m->left_us);
	if (m->has_resume) {
		json_add_number(o, "resumed", m->resumed);
		json_add_flag(o, "gap", m->resume_gap);
	}
	return o;
}

static struct json_object *
report_checks(const struct report *r)
{
	struct json_object *list = json_object_new_array(), *o;
	const struct check *c = r->checks;
	size_t i;

	for (i = 0; list != NULL && i < VERDICT_CHECKS; i++, c++) {
		o = json_object_new_object();
		report_add_text(o, "check", c->name);
		report_add_text(o, "verdict", verdict_name(c->verdict));
		if (c->fault != FAULT_NONE)
			report_add_text(o, "fault",
			    advice_fault_name(c->fault));
		report_add_text(o, "text", c->text);
		json_object_array_add(list, o);
	}
	return list;
}

static void
report_add_advice(const struct report *r, enum fault fault,
    struct json_object *list)
{
	const struct advice *a = NULL;
	struct json_object *o;

	while ((a = advice_next(a, r->m->server, r->attachment, fault)) !=
	    NULL) {
		o = json_object_new_object();
		report_add_text(o, "fault", advice_fault_name(fault));
		if (a->server != SERVER_UNKNOWN)
			report_add_text(o, "server",
			    advice_server_name(a->server));
		report_add_text(o, "where", a->where);
		report_add_text(o, "directive", a->directive);
		report_add_text(o, "why", a->why);
		json_object_array_add(list, o);
	}
}

struct json_object *
report_json(const struct report *r)
{
	struct json_object *o = json_object_new_object();
	struct json_object *advice = json_object_new_array();
	size_t i;

	json_add_flag(o, "ok", r->faults == 0);
	json_add_number(o, "faults", r->faults);
	json_add_number(o, "warnings", r->warnings);
	report_add_text(o, "url", r->url);
	report_add_text(o, "server", advice_server_name(r->m->server));
	report_add_text(o, "attachment", advice_attachment_name(r->attachment));
	json_add_number(o, "heartbeat_ms", r->m->heartbeat_ms);
	json_add_number(o, "idle_ms", r->m->idle_ms);
	json_add(o, "measured", report_measured(r->m));
	json_add(o, "checks", report_checks(r));
	for (i = 0; advice != NULL && i < VERDICT_CHECKS; i++)
		if (r->checks[i].fault != FAULT_NONE &&
		    !report_is_repeated(r, i))
			report_add_advice(r, r->checks[i].fault, advice);
	json_add(o, "advice", advice);
	return o;
}
