/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request/route.h"
#include "request/route_part.h"

int
route_refuse(struct route *r, int status, const char *fmt, ...)
{
	va_list ap;

	r->kind = ROUTE_REFUSAL;
	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->error, sizeof r->error, fmt, ap);
	va_end(ap);
	return -1;
}

int
route_refuse_memory(struct route *r)
{
	return route_refuse(r, 503, "out of memory");
}

int
route_refuse_values(struct route *r, const struct values *v)
{
	if (v->status == 0)
		return -1;
	return route_refuse(r, v->status, "%s", v->error);
}

int
route_read_body(struct route *r, struct route_input *in, unsigned accept,
    int depth)
{
	const char *why;
	int status;

	/* What a GET may bring has no meaning (RFC 9110, 9.3.1). */
	if (strcmp(in->method, "GET") == 0 || strcmp(in->method, "HEAD") == 0)
		return 0;
	status = body_read(&in->values.body, in->request, accept, depth, &why);
	return status == 0 ? 0 : route_refuse(r, status, "%s", why);
}

static int
route_read(struct route *r, struct route_input *in)
{
	bool is_head = strcmp(in->method, "HEAD") == 0;

	r->status = 200;
	switch (in->found->kind) {
	case CONFIG_ROUTE_SUBSCRIBE:
		r->kind = is_head ? ROUTE_HEAD : ROUTE_STREAM;
		return route_read_subscription(r, in);
	case CONFIG_ROUTE_PUBLISH:
		r->kind = ROUTE_PUBLISH;
		return route_read_event(r, in);
	case CONFIG_ROUTE_RUN:
		r->kind = is_head ? ROUTE_HEAD : ROUTE_RUN;
		return route_read_position(r, in);
	case CONFIG_ROUTE_PRESENCE:
		r->kind = ROUTE_PRESENCE;
		return route_read_channels(r, in);
	default:
		r->kind = ROUTE_STATUS;
		return 0;
	}
}

void
route_decide(const struct request *request, const struct config *config,
    struct route *r)
{
	struct route_input in = { .request = request,
		.config = config,
		.method = request_get(request, "REQUEST_METHOD") };

	memset(r, 0, sizeof *r);
	if (route_match(r, &in) == 0 && in.found != NULL)
		route_read(r, &in);
	body_clear(&in.values.body);
	request_target_clear(&in.target);
}

void
route_clear(struct route *r)
{
	size_t i;

	for (i = 0; i < r->channel_count; i++)
		free(r->names[i]);
	for (i = 0; i < CONFIG_FIELDS; i++)
		expansion_clear(&r->fields[i]);
	free(r->since);
	free(r->reply_type);
	memset(r, 0, sizeof *r);
}
