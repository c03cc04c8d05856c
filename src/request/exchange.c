/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/loop.h"
#include "protocol/limits.h"
#include "request/exchange.h"

enum {
	EXCHANGE_RETRY_MS = 5000, /* for whom there is no place now */
	/*
	 * Apache's mod_deflate, if it is on for event streams and told by
	 * no-gzip to stay out, still waits for the first 69 bytes that a CGI
	 * program or mod_fcgid brings before it looks at that.
	 */
	EXCHANGE_PADDING = 64 /* and the stream's own head */
};

struct exchange *
exchange_new(const struct config *config)
{
	struct exchange *ex = calloc(1, sizeof *ex);

	if (ex != NULL)
		ex->context.config = config_ref(config);
	return ex;
}

void
exchange_free(struct exchange *ex)
{
	if (ex == NULL)
		return;
	access_clear(&ex->who);
	route_clear(&ex->route);
	request_clear(&ex->request);
	config_free(ex->context.config);
	free(ex);
}

/* What a browser says of who made it ask without an Origin (Fetch Metadata). */
static bool
exchange_is_own_site(const struct exchange *ex)
{
	const char *site = request_get(&ex->request, "HTTP_SEC_FETCH_SITE");

	return *site == '\0' || strcmp(site, "same-origin") == 0 ||
	    strcmp(site, "none") == 0;
}

/* Whether a page of this site, or of one that is named, has asked. */
static bool
exchange_is_own_origin(const struct exchange *ex)
{
	const struct config_list *allowed = &ex->context.config->allow_origin;
	const char *origin = ex->context.origin, *host;
	size_t i;

	if (*origin == '\0')
		return exchange_is_own_site(ex);
	for (i = 0; i < allowed->count; i++)
		if (strcmp(allowed->items[i], origin) == 0)
			return true;
	host = strstr(origin, "://");
	return host != NULL &&
	    strcasecmp(host + 3, request_get(&ex->request, "HTTP_HOST")) == 0;
}

/*
 * What browsers add by themselves, a cookie or a password (which is in the
 * same header), they add to what another site's page sends, too.  A token in
 * the header they do not.
 */
static bool
exchange_is_forged(const struct exchange *ex, struct text_span channel)
{
	const struct config_channel *rule =
	    config_match_channel(ex->context.config, channel.text, channel.len);

	return ex->route.kind == ROUTE_PUBLISH &&
	    (rule->publish & CONFIG_ANYONE) == 0 &&
	    !token_is_in_header(&ex->request) && !exchange_is_own_origin(ex);
}

/* 0, or -1 with the route's refusal. */
static int
exchange_check_channel(struct exchange *ex, enum access_operation operation,
    struct text_span channel)
{
	struct refusal *refusal = &ex->route.refusal;
	const char *why = ex->who.why;

	switch (access_decide(&ex->who, ex->context.config, operation,
	    channel)) {
	case ACCESS_LOGIN:
		if (why != NULL)
			return refusal_set(refusal, 401, "the token %s", why);
		return refusal_set(refusal, 401,
		    "this channel is not for everybody, and nobody is logged "
		    "in");
	case ACCESS_DENIED:
		return refusal_set(refusal, 403,
		    "not allowed to %s this channel",
		    operation == ACCESS_PUBLISH ? "publish to" : "follow");
	default:
		break;
	}
	if (!exchange_is_forged(ex, channel))
		return 0;
	return refusal_set(refusal, 403,
	    "pages of this origin may not publish here (allow-origin)");
}

/* Asks the channels' rules, one after the other. */
static int
exchange_check_access(struct exchange *ex)
{
	enum access_operation operation =
	    ex->route.kind == ROUTE_PUBLISH ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE;
	size_t i;

	for (i = 0; i < ex->route.channel_count; i++)
		if (exchange_check_channel(ex, operation,
			ex->route.channels[i]) == -1)
			return -1;
	return 0;
}

bool
exchange_is_stream(const struct exchange *ex)
{
	return ex->route.kind == ROUTE_STREAM;
}

/* 0, or -1 with the route's refusal, if it has not refused by itself. */
static int
exchange_find_route(struct exchange *ex, int status)
{
	struct request *request = &ex->request;
	const struct config *config = ex->context.config;
	struct route *route = &ex->route;

	/* Of a request that was too large not all is there. */
	if (status != 0)
		return refusal_set(&route->refusal, status,
		    "the request is larger than max-request");
	if (access_identify(request, config, clock_wall_ms(), &ex->who) == -1)
		return refusal_set_memory(&route->refusal);
	request->user = ex->who.user;
	route_decide(request, config, route);
	ex->context.allow = route->allow;
	if (exchange_check_access(ex) == -1)
		return -1;
	if (route->kind == ROUTE_STREAM && route->is_over)
		return refusal_set(&route->refusal, 204, "the stream is over");
	return 0;
}

void
exchange_decide(struct exchange *ex, int status)
{
	struct request *request = &ex->request;

	ex->context.origin = request_get(request, "HTTP_ORIGIN");
	ex->context.is_head =
	    strcmp(request_get(request, "REQUEST_METHOD"), "HEAD") == 0;
	if (exchange_find_route(ex, status) == -1)
		ex->route.kind = ROUTE_REFUSAL;
}

int
exchange_put_answer(const struct exchange *ex, struct buffer *b)
{
	switch (ex->route.kind) {
	case ROUTE_PREFLIGHT:
		return answer_options(b, &ex->context);
	case ROUTE_HEAD:
		return answer_stream(b, &ex->context, 0);
	default:
		if (ex->route.refusal.status == 204)
			return answer_stop(b, &ex->context);
		return answer_error(b, &ex->context, ex->route.refusal.status,
		    ex->route.refusal.text);
	}
}

int
exchange_put_later(const struct exchange *ex, const char *why, struct buffer *b)
{
	uint64_t retry_ms =
	    EXCHANGE_RETRY_MS / 2 + loop_random(EXCHANGE_RETRY_MS);

	if (!exchange_is_stream(ex))
		return exchange_put_failure(ex, why, b);
	return answer_later(b, &ex->context, retry_ms, why);
}

int
exchange_put_refusal(const struct exchange *ex, enum hub_answer answer,
    struct buffer *b)
{
	switch (answer) {
	case HUB_STOPPED:
		return answer_stop(b, &ex->context);
	case HUB_FULL:
		return exchange_put_later(ex, "crierd is full (max-streams)",
		    b);
	case HUB_USER_FULL:
		return exchange_put_later(ex,
		    "too many streams of this user (max-streams-per-user)", b);
	case HUB_ADDRESS_FULL:
		return exchange_put_later(ex,
		    "too many streams of this address "
		    "(max-streams-per-address)",
		    b);
	case HUB_DRAINING:
		return exchange_put_later(ex, "crierd is stopping", b);
	default:
		return exchange_put_later(ex, "crierd is out of memory", b);
	}
}

int
exchange_put_failure(const struct exchange *ex, const char *why,
    struct buffer *b)
{
	return answer_error(b, &ex->context, 503, why);
}

/* The record to end with, if the route has one of its own. */
static int
exchange_put_end(const struct exchange *ex, struct subscription *sub,
    struct buffer *end)
{
	const struct config_route *c = ex->route.config;
	struct event_fields e = { .retry_ms = EVENT_RETRY_NONE };
	size_t id_len = c->end_stop == 1 ? strlen(ROUTE_END_ID) : 0;

	if (strcmp(c->end_event, ROUTE_END_ID) == 0 && c->end_data == NULL &&
	    id_len == 0)
		return 0;
	sub->has_end = true;
	e.name = c->end_event;
	e.name_len = strlen(c->end_event);
	if (c->end_data != NULL) {
		e.data = c->end_data;
		e.data_len = strlen(c->end_data);
		if (event_encode(end, &e, ROUTE_END_ID, id_len) == -1)
			return -1;
	} else {
		if (id_len > 0 &&
		    buffer_printf(end, "id: %s\n", ROUTE_END_ID) == -1)
			return -1;
		if (e.name_len > 0 &&
		    buffer_printf(end, "event: %s" STREAM_END_RESULT,
			c->end_event) == -1)
			return -1;
		if (id_len > 0 && e.name_len == 0 && c->terse != 1 &&
		    buffer_append(end, "\n", 1) == -1)
			return -1;
	}
	sub->end.text = end->len > 0 ? end->data : "";
	sub->end.len = end->len;
	return 0;
}

/* What the route says instead of its channels, and the token. */
static void
exchange_set_rules(struct exchange *ex, struct subscription *sub)
{
	const struct config_route *c = ex->route.config;
	const struct config *config = ex->context.config;
	const struct config_channel *top =
	    &config->channels[config->channel_count - 1];
	uint64_t expires_ms = ex->who.token.expires_ms, now_ms, rest_ms;

	ex->rules.heartbeat_ms = c->heartbeat_ms;
	ex->rules.retry_ms = c->retry_ms;
	ex->rules.max_time_ms = c->max_time_ms;
	if (ex->route.config->kind == CONFIG_ROUTE_RUN) {
		/* There are no channels to have any rules. */
		if (c->heartbeat_ms == CONFIG_ROUTE_UNSET)
			ex->rules.heartbeat_ms = top->heartbeat_ms;
		if (c->retry_ms == CONFIG_ROUTE_UNSET)
			ex->rules.retry_ms = top->retry_ms;
		ex->rules.max_time_ms = 0;
		sub->limit_ms = c->run_ms;
	}
	sub->rules = &ex->rules;
	if (!ex->who.has_token || expires_ms == 0)
		return;
	now_ms = clock_wall_ms();
	rest_ms = expires_ms > now_ms ? expires_ms - now_ms : 1;
	/* A token may be good for longer than any stream. */
	if (!limit_allows(&limit_of[LIMIT_STREAM_MS], rest_ms))
		rest_ms = limit_of[LIMIT_STREAM_MS].max;
	if (sub->limit_ms == 0 || rest_ms < sub->limit_ms)
		sub->limit_ms = rest_ms;
}

static struct text_span
exchange_span(const char *text)
{
	struct text_span span = { text, strlen(text) };

	return span;
}

int
exchange_put_subscription(struct exchange *ex, struct subscription *sub,
    struct buffer *head, struct buffer *end)
{
	const struct route *route = &ex->route;
	uint64_t padding = route->padding;

	if (ex->is_padded && padding < EXCHANGE_PADDING)
		padding = EXCHANGE_PADDING;
	if (answer_stream(head, &ex->context, padding) == -1 ||
	    exchange_put_end(ex, sub, end) == -1)
		return -1;
	exchange_set_rules(ex, sub);
	sub->head.text = head->data;
	sub->head.len = head->len;
	sub->channels = route->channels;
	sub->channel_count = route->channel_count;
	sub->since.text = route->since;
	sub->since.len = route->since_len;
	sub->since_all = route->since_all;
	sub->has_last = route->has_last;
	sub->last = route->last;
	sub->is_terse = route->config->terse == 1;
	/* A program's output is no history that one could come back for. */
	if (route->config->kind != CONFIG_ROUTE_RUN) {
		sub->is_poll = route->is_poll;
		sub->poll_ms = route->poll_ms;
		sub->poll_above = route->poll_above;
	}
	sub->user = exchange_span(request_user(&ex->request));
	sub->address = exchange_span(request_get(&ex->request, "REMOTE_ADDR"));
	return 0;
}
