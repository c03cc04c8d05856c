/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ROUTE_PART_H
#define CRIER_REQUEST_ROUTE_PART_H

#include "request/route.h"
#include "request/values.h"

/* What the files of request/route share.  The functions return 0, or -1:
 * refused. */

struct route_input {
	const struct request *request;
	const struct config *config;
	const struct config_route *found;
	const char *method;
	struct request_target target;
	struct values values;
};

/* Refuses; always -1. */
int route_refuse(struct route *, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int route_refuse_memory(struct route *);
/* The same, with what values say if they have refused. */
int route_refuse_values(struct route *, const struct values *);

/*
 * route_match: what is asked for, and the route that it comes to (found; NULL
 * with a preflight's kind).
 */
int route_match(struct route *, struct route_input *);

/* route_channels: of the found route's templates. */
int route_read_channels(struct route *, struct route_input *);

/* Takes the body as one of the kinds in accept (body_read). */
int route_read_body(struct route *, struct route_input *, unsigned accept,
    int depth);

/* route_subscribe, route_publish: all that such a route reads. */
int route_read_position(struct route *, struct route_input *);
int route_read_subscription(struct route *, struct route_input *);
int route_read_event(struct route *, struct route_input *);

#endif
