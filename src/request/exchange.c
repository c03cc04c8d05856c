/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/loop.h"
#include "request/exchange.h"
#include "request/exchange_part.h"

enum {
	EXCHANGE_RETRY_MS = 5000 /* for whom there is no place now */
};

struct exchange *
exchange_new(const struct config *config,
    const struct exchange_attachment *attachment, void *arg)
{
	struct exchange *ex = calloc(1, sizeof *ex);

	if (ex == NULL)
		return NULL;
	ex->context.config = config_ref(config);
	ex->attachment = attachment;
	ex->arg = arg;
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

/* 0, or -1 with the route's refusal, unless the route itself has refused. */
static int
exchange_find_route(struct exchange *ex, int status)
{
	struct request *request = &ex->request;
	const struct config *config = ex->context.config;
	struct route *route = &ex->route;

	/* 1. A request that was too large is not all there: it says nothing. */
	if (status != 0)
		return refusal_set(&route->refusal, status,
		    "the request is larger than max-request");
	/* 2. Who asks: the web server's user, or a token's. */
	if (access_identify(request, config, clock_wall_ms(), &ex->who) == -1)
		return refusal_set_memory(&route->refusal);
	request->user = ex->who.user;
	/* 3. What for: a route, its channels, a position or an event. */
	route_decide(request, config, route);
	ex->context.allow = route->allow;
	/* 4. May they, by the rule of each channel? */
	if (exchange_check_access(ex) == -1)
		return -1;
	/* 5. Who may is told that there is no more, but nobody else. */
	if (route->kind == ROUTE_STREAM && route->is_over)
		return refusal_set(&route->refusal, 204, "the stream is over");
	return 0;
}

static void
exchange_decide(struct exchange *ex, int status)
{
	ex->context.origin = request_get(&ex->request, "HTTP_ORIGIN");
	ex->context.is_head =
	    strcmp(request_get(&ex->request, "REQUEST_METHOD"), "HEAD") == 0;
	if (exchange_find_route(ex, status) == -1)
		ex->route.kind = ROUTE_REFUSAL;
}

bool
exchange_is_refused(const struct exchange *ex)
{
	return ex->route.kind == ROUTE_REFUSAL;
}

/* Sends what was appended to the response, unless that failed (rc). */
static enum exchange_state
exchange_send(struct exchange *ex, int rc, struct buffer *response)
{
	if (rc == 0)
		rc = ex->attachment->answer(ex->arg, response);
	buffer_clear(response);
	return rc == 0 ? EXCHANGE_ANSWERED : EXCHANGE_FAILED;
}

static enum exchange_state
exchange_send_error(struct exchange *ex, int status, const char *why)
{
	struct buffer b = { 0 };

	return exchange_send(ex, answer_error(&b, &ex->context, status, why),
	    &b);
}

static enum exchange_state
exchange_send_stop(struct exchange *ex)
{
	struct buffer b = { 0 };

	return exchange_send(ex, answer_stop(&b, &ex->context), &b);
}

/* The client shall come again: told as a stream, or with 503. */
static enum exchange_state
exchange_send_later(struct exchange *ex, const char *why)
{
	uint64_t retry_ms =
	    EXCHANGE_RETRY_MS / 2 + loop_random(EXCHANGE_RETRY_MS);
	struct buffer b = { 0 };

	if (ex->route.kind != ROUTE_STREAM)
		return exchange_send_error(ex, 503, why);
	return exchange_send(ex, answer_later(&b, &ex->context, retry_ms, why),
	    &b);
}

static enum exchange_state
exchange_send_refusal(struct exchange *ex, const struct refusal *refusal)
{
	if (refusal->status == 204)
		return exchange_send_stop(ex);
	return exchange_send_error(ex, refusal->status, refusal->text);
}

enum exchange_state
exchange_serve(struct exchange *ex, int status)
{
	struct buffer b = { 0 };

	exchange_decide(ex, status);
	/* In trouble it is not even known what there is on this site. */
	if (ex->trouble != NULL)
		return exchange_send_later(ex, ex->trouble);
	if (exchange_is_question(ex))
		return exchange_ask(ex);
	switch (ex->route.kind) {
	case ROUTE_STREAM:
		return exchange_open(ex);
	case ROUTE_HEAD:
		return exchange_send(ex, answer_stream(&b, &ex->context, 0),
		    &b);
	case ROUTE_PREFLIGHT:
		return exchange_send(ex, answer_options(&b, &ex->context), &b);
	default:
		return exchange_send_refusal(ex, &ex->route.refusal);
	}
}

enum exchange_state
exchange_opened(struct exchange *ex, const struct opening_result *result)
{
	if (result->refusal.status != 0)
		return exchange_send_refusal(ex, &result->refusal);
	switch (result->answer) {
	case HUB_OPENED:
		return EXCHANGE_STREAMS;
	case HUB_STOPPED:
		return exchange_send_stop(ex);
	default:
		return exchange_send_later(ex, hub_answer_text(result->answer));
	}
}

enum exchange_state
exchange_replied(struct exchange *ex, const char *reply, size_t len)
{
	struct buffer b = { 0 };

	if (reply == NULL)
		return exchange_send_error(ex, 503, "crierd was lost");
	return exchange_send(ex, exchange_put_reply(ex, reply, len, &b), &b);
}

enum exchange_state
exchange_give_up(struct exchange *ex)
{
	return exchange_send_later(ex, "crierd is not there");
}
