/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "request/accept.h"
#include "request/exchange.h"
#include "request/exchange_part.h"
#include "request/origin.h"
#include "request/page.h"
#include "request/script.h"
#include "request/viewer.h"

enum {
	/* For a client that there is no place for; varied by half. */
	EXCHANGE_RETRY_MS = 5000
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

/* Whether a request has effects that not everybody may have. */
static bool
exchange_has_effects(const struct exchange *ex)
{
	const struct route *r = &ex->route;
	size_t i;

	if (r->kind == ROUTE_STREAM && r->config->kind == CONFIG_ROUTE_RUN)
		return true;
	if (r->kind == ROUTE_STOP)
		return true;
	if (r->kind != ROUTE_PUBLISH)
		return false;
	/* By the status page its viewers publish, and not other sites' pages.
	 */
	if (r->view == ROUTE_VIEW_PUBLISH)
		return true;
	for (i = 0; i < r->channel_count; i++)
		if ((config_match_channel(ex->context.config,
			 r->channels[i].text, r->channels[i].len)
			    ->publish &
			CONFIG_ANYONE) == 0)
			return true;
	return false;
}

/*
 * A browser adds cookies and passwords by itself, also to what another site's
 * page makes it send; so these do not show that the user wants the effects.  A
 * token in the header Authorization does: no browser adds one by itself.
 */
static int
exchange_check_origin(struct exchange *ex)
{
	static const char *const doings[ROUTE_KINDS] = { [ROUTE_STREAM] =
							     "run programs",
		[ROUTE_PUBLISH] = "publish",
		[ROUTE_STOP] = "stop programs" };

	if (!exchange_has_effects(ex) || token_is_in_header(&ex->request) ||
	    origin_is_own(&ex->request, ex->context.config))
		return 0;
	return refusal_set(&ex->route.refusal, 403,
	    "pages of this origin may not %s here (allow-origin)",
	    doings[ex->route.kind]);
}

/* Asks one channel's rule.  0, or -1 with the route's refusal. */
static int
exchange_check_channel(struct exchange *ex, enum access_operation operation,
    struct text_span channel)
{
	struct refusal *refusal = &ex->route.refusal;
	static const char *const words[] = { [ACCESS_SUBSCRIBE] = "follow",
		[ACCESS_PUBLISH] = "publish to",
		[ACCESS_STOP] = "stop what runs in" };
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
		    "not allowed to %s this channel", words[operation]);
	default:
		return 0;
	}
}

/*
 * Asks the rule of a route that tells a status.  The page's script and style
 * tell nothing, and are fetched without the token that a URL may have.
 */
static int
exchange_check_viewer(struct exchange *ex)
{
	const struct route *r = &ex->route;

	if (r->view == ROUTE_VIEW_SCRIPT || r->view == ROUTE_VIEW_STYLE)
		return 0;
	switch (viewer_check(r->config, &ex->request, &ex->who)) {
	case ACCESS_LOGIN:
		return refusal_set(&ex->route.refusal, 401,
		    "the status is not for everybody, and nobody is logged "
		    "in (allow)");
	case ACCESS_DENIED:
		return refusal_set(&ex->route.refusal, 403,
		    "not allowed to see the status (allow)");
	default:
		return 0;
	}
}

/*
 * Who may not stop what runs in the channel whoever began it may still stop
 * what they began themselves: the hub knows.
 */
static int
exchange_check_stop(struct exchange *ex)
{
	struct route *r = &ex->route;

	if (access_decide(&ex->who, ex->context.config, ACCESS_STOP,
		r->channels[0]) == ACCESS_GRANTED)
		return 0;
	r->is_own_alone = *ex->who.user != '\0';
	return r->is_own_alone
	    ? 0
	    : exchange_check_channel(ex, ACCESS_STOP, r->channels[0]);
}

/* Asks the rule of each channel.  0, or -1 with the route's refusal. */
static int
exchange_check_access(struct exchange *ex)
{
	enum access_operation operation =
	    ex->route.kind == ROUTE_PUBLISH ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE;
	const struct config_route *c = ex->route.config;
	size_t i;

	if (c != NULL && c->kind == CONFIG_ROUTE_STATUS &&
	    exchange_check_viewer(ex) == -1)
		return -1;
	if (ex->route.kind == ROUTE_STOP)
		return exchange_check_stop(ex);
	/* Whoever may see the page may follow what it is made of. */
	if (ex->route.view == ROUTE_VIEW_EVENTS)
		return 0;
	for (i = 0; i < ex->route.channel_count; i++)
		if (exchange_check_channel(ex, operation,
			ex->route.channels[i]) == -1)
			return -1;
	return 0;
}

/* Why a request that has not come whole is refused. */
static const char *
exchange_not_whole(int status)
{
	switch (status) {
	case 400:
		return "the body is not as long as its Content-Length says";
	case 411:
		return "the body has no Content-Length";
	default:
		return "the request is larger than max-request";
	}
}

/*
 * Finds out who asks, what for, and whether they may.  0; or -1 with a refusal
 * in the route, where the route may also have put one itself.
 */
static int
exchange_find_route(struct exchange *ex, int status)
{
	struct request *request = &ex->request;
	const struct config *config = ex->context.config;
	struct route *route = &ex->route;

	/* 1. What is there of a request that is not whole says nothing. */
	if (status != 0)
		return refusal_set(&route->refusal, status, "%s",
		    exchange_not_whole(status));
	/* 2. Who asks: a user of the web server's, or a token's. */
	if (access_identify(request, config, clock_wall_ms(), &ex->who) == -1)
		return refusal_set_memory(&route->refusal);
	request->user = ex->who.user;
	/* 3. What for: the route, its channels, a position or an event. */
	route_decide(request, config, route);
	ex->context.allow = route->allow;
	/*
	 * 4. What the route refuses is refused for that: the channels that it
	 * had found by then are not all, and what for is not known.
	 */
	if (route->kind == ROUTE_REFUSAL)
		return -1;
	/* 5. Do the channels' rules let them, and is it they who want it? */
	if (exchange_check_access(ex) == -1 || exchange_check_origin(ex) == -1)
		return -1;
	/*
	 * 6. A client that has seen the stream's end is to stop.  This comes
	 * last: who may not follow is not told of the end either.
	 */
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

bool
exchange_is_patient(const struct exchange *ex)
{
	return ex->route.kind == ROUTE_HISTORY ||
	    ex->route.kind == ROUTE_PRESENCE || ex->route.kind == ROUTE_STATUS;
}

/* Sends a response; rc is -1 if it could not be written for want of memory. */
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

/*
 * Whether the request itself says that it wants a stream, as each of an
 * EventSource's does (WHATWG HTML, 9.2.2).  Who publishes does not.
 */
static bool
exchange_wants_stream(const struct exchange *ex)
{
	const char *method = request_get(&ex->request, "REQUEST_METHOD"),
		   *accept = request_get(&ex->request, "HTTP_ACCEPT");

	return strcmp(method, "GET") == 0 &&
	    strcasestr(accept, "text/event-stream") != NULL &&
	    !accept_prefers_json(accept);
}

/*
 * Whether an empty stream tells the client to come again.  Who has a program
 * run by POST would take it for the output of one that has.
 */
static bool
exchange_takes_stream(const struct exchange *ex)
{
	const struct route *r = &ex->route;

	return r->kind == ROUTE_STREAM &&
	    (r->config->kind != CONFIG_ROUTE_RUN ||
		strcmp(request_get(&ex->request, "REQUEST_METHOD"), "GET") ==
		    0);
}

/*
 * Tells the client to come again: by an empty stream, which an EventSource
 * understands, or with 503.
 */
static enum exchange_state
exchange_send_later(struct exchange *ex, bool is_stream, const char *why)
{
	uint64_t retry_ms =
	    EXCHANGE_RETRY_MS / 2 + loop_random(EXCHANGE_RETRY_MS);
	struct buffer b = { 0 };

	if (ex->has_head)
		return exchange_send(ex, answer_retry(&b, retry_ms, why), &b);
	if (!is_stream)
		return exchange_send_error(ex, 503, why);
	return exchange_send(ex, answer_later(&b, &ex->context, retry_ms, why),
	    &b);
}

/* Says where the run can be followed that is in the way of another one. */
static enum exchange_state
exchange_send_busy(struct exchange *ex, const struct opening_result *result)
{
	const struct text_span *channel = &ex->route.channels[0];
	struct json_object *o = json_object_new_object();
	struct buffer b = { 0 };
	struct text_span text;
	int rc = -1;

	json_add_flag(o, "ok", false);
	json_add_string(o, "error", result->refusal.text);
	json_add_text(o, "channel", channel->text, channel->len);
	json_add_string(o, "since", result->since);
	if ((text.text = json_line(o)) != NULL) {
		text.len = strlen(text.text);
		rc = answer_text(&b, &ex->context, result->refusal.status,
		    "application/json", text);
	}
	json_object_put(o);
	return exchange_send(ex, rc, &b);
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

	/* 1. Decide: who asks, what for, and may they? */
	exchange_decide(ex, status);
	/* 2. In trouble it is not even known what there is on this site. */
	if (ex->trouble != NULL)
		return exchange_send_later(ex, exchange_wants_stream(ex),
		    ex->trouble);
	/* 3. What only the hub knows, or does, is asked of its queue. */
	if (exchange_is_question(ex))
		return exchange_ask(ex);
	/* 4. A stream is opened; all else has a short answer. */
	switch (ex->route.kind) {
	case ROUTE_STREAM:
		return exchange_open(ex);
	case ROUTE_HEAD:
		return exchange_send(ex, answer_stream(&b, &ex->context, 0),
		    &b);
	case ROUTE_PAGE:
		return exchange_send(ex,
		    page_append(&b, &ex->context, ex->route.view), &b);
	case ROUTE_SCRIPT:
		return exchange_send(ex,
		    script_append(&b, &ex->context,
			request_get(&ex->request, "HTTP_IF_NONE_MATCH")),
		    &b);
	case ROUTE_PREFLIGHT:
		return exchange_send(ex, answer_options(&b, &ex->context), &b);
	default:
		return exchange_send_refusal(ex, &ex->route.refusal);
	}
}

enum exchange_state
exchange_go_on(struct exchange *ex)
{
	return exchange_open(ex);
}

enum exchange_state
exchange_opened(struct exchange *ex, const struct opening_result *result)
{
	bool is_refused = result->refusal.status != 0;

	/* A status cannot follow a head that is sent: only `retry:` can. */
	if (ex->has_head && !opening_is_done(result))
		return exchange_send_later(ex, true,
		    is_refused ? result->refusal.text
			       : hub_answer_text(result->answer));
	if (result->refusal.status == 409)
		return exchange_send_busy(ex, result);
	if (is_refused)
		return exchange_send_refusal(ex, &result->refusal);
	switch (result->answer) {
	case HUB_OPENED:
		return EXCHANGE_STREAMS;
	case HUB_STOPPED:
		return exchange_send_stop(ex);
	default:
		return exchange_send_later(ex, exchange_takes_stream(ex),
		    hub_answer_text(result->answer));
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
	return exchange_send_later(ex, exchange_takes_stream(ex),
	    "crierd is not there");
}
