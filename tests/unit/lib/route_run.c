/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "request/route.h"
#include "route_run.h"
#include "support.h"

struct route_run_text {
	char *to;
	size_t size, len;
};

static void route_run_put(struct route_run_text *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
route_run_put(struct route_run_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->to + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < t->size - t->len);
	t->len += (size_t)n;
}

struct config *
route_run_config(const char *text, char **cause)
{
	char path[] = "/tmp/crier-route-XXXXXX", *at;
	int fd = mkstemp(path);
	struct config *c;

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	c = config_load(path, NULL, 0, cause);
	unlink(path);
	if (c == NULL && (at = strstr(*cause, path)) != NULL) {
		*at = 'F';
		memmove(at + 1, at + strlen(path),
		    strlen(at + strlen(path)) + 1);
	}
	return c;
}

struct config *
route_run_good(const char *text)
{
	char *cause;
	struct config *c = route_run_config(text, &cause);

	if (c == NULL)
		fail_msg("%s: %s", text, cause);
	return c;
}

/* What there is without a reply of the route's own. */
static const char route_run_reply[] =
    "{\"ok\":true,\"id\":\"7-0\",\"streams\":3}\n";

static void
route_run_put_event(struct route_run_text *t, const struct route *r)
{
	const struct event_fields *e = &r->event;
	struct text_span id = { "7-0", 3 };
	struct buffer reply = { 0 };

	route_run_put(t, " data=%.*s", (int)e->data_len, e->data);
	if (e->name_len > 0)
		route_run_put(t, " event=%.*s", (int)e->name_len, e->name);
	if (e->id_len > 0)
		route_run_put(t, " id=%.*s", (int)e->id_len, e->id);
	if (e->key_len > 0)
		route_run_put(t, " key=%.*s", (int)e->key_len, e->key);
	if (e->retry_ms != EVENT_RETRY_NONE)
		route_run_put(t, " retry=%llu",
		    (unsigned long long)e->retry_ms);
	if (e->expires_ms != 0)
		route_run_put(t, " expires=%llu",
		    (unsigned long long)e->expires_ms);
	assert_int_equal(route_put_reply(r, &reply, id, 3), 0);
	if (!r->has_reply) {
		assert_int_equal(reply.len, strlen(route_run_reply));
		assert_memory_equal(reply.data, route_run_reply, reply.len);
	} else if (r->status == 204) {
		assert_int_equal(reply.len, 0);
		route_run_put(t, " 204");
	} else {
		route_run_put(t, " reply=%.*s", (int)reply.len, reply.data);
	}
	if (strcmp(r->reply_type, "application/json") != 0)
		route_run_put(t, " (%s)", r->reply_type);
	buffer_clear(&reply);
}

static void
route_run_describe(const struct route *r, struct route_run_text *t)
{
	static const char *const kinds[] = { [ROUTE_STREAM] = "stream",
		[ROUTE_HEAD] = "head",
		[ROUTE_PREFLIGHT] = "options",
		[ROUTE_PUBLISH] = "publish",
		[ROUTE_STATUS] = "status",
		[ROUTE_PRESENCE] = "presence",
		[ROUTE_HISTORY] = "history" };
	bool is_run =
	    r->kind == ROUTE_STREAM && r->config->kind == CONFIG_ROUTE_RUN;
	size_t i;

	if (r->kind == ROUTE_REFUSAL)
		route_run_put(t, "%d %s", r->refusal.status, r->refusal.text);
	else
		route_run_put(t, "%s", is_run ? "run" : kinds[r->kind]);
	if (r->kind == ROUTE_PREFLIGHT || r->refusal.status == 405)
		route_run_put(t, " (%s)", r->allow);
	if (r->kind == ROUTE_REFUSAL || r->kind == ROUTE_PREFLIGHT)
		return;
	assert_non_null(r->config);
	if (r->channel_count > 0)
		route_run_put(t, " ");
	for (i = 0; i < r->channel_count; i++)
		route_run_put(t, "[%.*s]", (int)r->channels[i].len,
		    r->channels[i].text);
	if (r->kind == ROUTE_STATUS)
		route_run_put(t, " %s",
		    r->config->status == CONFIG_STATUS_JSON ? "json"
							    : "prometheus");
	if (is_run)
		route_run_put(t, " %s", r->config->run.items[0]);
	if (r->since != NULL)
		route_run_put(t, " since=%.*s", (int)r->since_len, r->since);
	if (r->since_all)
		route_run_put(t, " all");
	if (r->has_last)
		route_run_put(t, " last=%llu", (unsigned long long)r->last);
	if (r->limit > 0)
		route_run_put(t, " limit=%llu", (unsigned long long)r->limit);
	if (r->padding > 0)
		route_run_put(t, " padding=%llu",
		    (unsigned long long)r->padding);
	if (r->is_tagged)
		route_run_put(t, " tagged");
	if (r->is_poll)
		route_run_put(t, " poll=%llu", (unsigned long long)r->poll_ms);
	if (r->kind == ROUTE_PUBLISH)
		route_run_put_event(t, r);
}

static void
route_run_add(struct request *r, const char *name, const char *value)
{
	char *text;

	if (value == NULL)
		return;
	assert_int_not_equal(asprintf(&text, "%s=%s", name, value), -1);
	assert_int_equal(request_add(r, text), 0);
	free(text);
}

void
route_run_decide(const struct config *config, const struct route_case *c,
    char *have, /* NOLINT(readability-non-const-parameter) */
    size_t size)
{
	struct route_run_text text = { have, size, 0 };
	struct request request = { 0 };
	struct route route;
	char other[4096];
	size_t len = 0;

	route_run_add(&request, "REQUEST_METHOD", c->method);
	route_run_add(&request, "REQUEST_URI", c->uri);
	route_run_add(&request, "CONTENT_TYPE", c->type);
	route_run_add(&request, "REMOTE_USER", c->user);
	route_run_add(&request, "HTTP_LAST_EVENT_ID", c->last_id);
	route_run_add(&request, "HTTP_ACCEPT", c->accept);
	if (c->body != NULL)
		len = c->body_len > 0 ? c->body_len : strlen(c->body);
	request.body.len = len;
	request.body.text = support_guard(c->body, len);
	route_decide(&request, config, &route);
	/* It must stand on its own. */
	request_clear(&request);
	memset(other, '!', sizeof other);
	support_guard(other, len < sizeof other ? len : sizeof other);
	route_run_describe(&route, &text);
	route_clear(&route);
}

void
route_run_all(const struct config *config, const struct route_case *cases,
    size_t count)
{
	static char have[65536];
	size_t i;

	for (i = 0; i < count; i++) {
		route_run_decide(config, &cases[i], have, sizeof have);
		if (strcmp(have, cases[i].want) != 0)
			fail_msg("%s %s %s: \"%s\" instead of \"%s\"",
			    cases[i].method, cases[i].uri,
			    cases[i].body == NULL ? "" : cases[i].body, have,
			    cases[i].want);
	}
}
