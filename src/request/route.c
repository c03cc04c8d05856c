/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "request/route.h"
#include "request/route_part.h"

/* Reads a request about one channel. */
static int
route_read_one_channel(struct route *r, struct route_input *in)
{
	if (route_read_channels(r, in) == -1)
		return -1;
	if (r->channel_count > 1)
		return refusal_set(&r->refusal, 400,
		    "more than one channel is named");
	return 0;
}

static int
route_read_stop(struct route *r, struct route_input *in)
{
	if (route_read_used_body(r, in) == -1)
		return -1;
	return route_read_one_channel(r, in);
}

/* The script is the same for whoever asks, however he does. */
static int
route_read_script(struct route *r, struct route_input *in)
{
	(void)r;
	(void)in;
	return 0;
}

/*
 * What each kind of section comes to, and what reads a request for it: a new
 * kind of route is a row here.
 */
static const struct route_reader {
	enum route_kind kind;
	int (*read)(struct route *, struct route_input *);
} route_readers[CONFIG_ROUTE_KINDS] = {
	[CONFIG_ROUTE_SUBSCRIBE] = { ROUTE_STREAM, route_read_subscription },
	[CONFIG_ROUTE_PUBLISH] = { ROUTE_PUBLISH, route_read_event },
	[CONFIG_ROUTE_STATUS] = { ROUTE_STATUS, route_read_status },
	[CONFIG_ROUTE_RUN] = { ROUTE_STREAM, route_read_run },
	[CONFIG_ROUTE_PRESENCE] = { ROUTE_PRESENCE, route_read_one_channel },
	[CONFIG_ROUTE_SCRIPT] = { ROUTE_SCRIPT, route_read_script },
	[CONFIG_ROUTE_STOP] = { ROUTE_STOP, route_read_stop },
};

static int
route_read(struct route *r, struct route_input *in)
{
	const struct route_reader *reader = &route_readers[in->found->kind];

	r->status = 200;
	r->kind = reader->kind;
	if (r->kind == ROUTE_STREAM && strcmp(in->method, "HEAD") == 0)
		r->kind = ROUTE_HEAD;
	return reader->read(r, in);
}

void
route_decide(const struct request *request, const struct config *config,
    struct route *r)
{
	struct route_input in = { .request = request,
		.config = config,
		.method = request_get(request, "REQUEST_METHOD") };
	int rc;

	memset(r, 0, sizeof *r);
	rc = route_match(r, &in);
	if (rc == 0 && in.found != NULL)
		rc = route_read(r, &in);
	if (rc == -1)
		r->kind = ROUTE_REFUSAL;
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
	free(r->sort);
	free(r->find);
	free(r->looked_into);
	free(r->reply_type);
	memset(r, 0, sizeof *r);
}
