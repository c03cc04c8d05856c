/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "door/exchange.h"

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
		ex->context.config = config;
	return ex;
}

void
exchange_free(struct exchange *ex)
{
	if (ex == NULL)
		return;
	route_clear(&ex->route);
	request_clear(&ex->request);
	free(ex);
}

void
exchange_decide(struct exchange *ex, int status)
{
	const struct request *request = &ex->request;

	ex->context.origin = request_get(request, "HTTP_ORIGIN");
	ex->context.is_head =
	    strcmp(request_get(request, "REQUEST_METHOD"), "HEAD") == 0;
	if (status == 0) {
		route_decide(request, ex->context.config, &ex->route);
		return;
	}
	/* Of a request that was too large not all is there. */
	memset(&ex->route, 0, sizeof ex->route);
	ex->route.kind = ROUTE_REFUSAL;
	ex->route.status = status;
	strcpy(ex->route.error, "the request is larger than max-request");
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
		return answer_error(b, &ex->context, ex->route.status,
		    ex->route.error);
	}
}

int
exchange_put_later(const struct exchange *ex, const char *why, struct buffer *b)
{
	uint64_t retry_ms =
	    EXCHANGE_RETRY_MS / 2 + loop_random(EXCHANGE_RETRY_MS);

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

static struct text_span
exchange_variable(const struct exchange *ex, const char *name)
{
	struct text_span span = { request_get(&ex->request, name), 0 };

	span.len = strlen(span.text);
	return span;
}

int
exchange_put_subscription(const struct exchange *ex, struct subscription *sub,
    struct buffer *head)
{
	const struct route *route = &ex->route;
	uint64_t padding = route->padding;

	if (ex->is_padded && padding < EXCHANGE_PADDING)
		padding = EXCHANGE_PADDING;
	if (answer_stream(head, &ex->context, padding) == -1)
		return -1;
	sub->head.text = head->data;
	sub->head.len = head->len;
	sub->channels = route->channels;
	sub->channel_count = route->channel_count;
	sub->since.text = route->since;
	sub->since.len = route->since_len;
	sub->since_all = route->since_all;
	sub->has_last = route->has_last;
	sub->last = route->last;
	sub->user = exchange_variable(ex, "REMOTE_USER");
	sub->address = exchange_variable(ex, "REMOTE_ADDR");
	return 0;
}
