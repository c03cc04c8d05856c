/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ROUTE_PART_H
#define CRIER_REQUEST_ROUTE_PART_H

#include "request/route.h"
#include "request/values.h"

/*
 * What request/route is made of.  route_decide finds the route (route_match)
 * and lets its kind's reader read the request (route_subscribe, route_publish);
 * the readers share what is in route_part.  All return 0, or -1 with the
 * route's refusal set.
 */

struct route_input {
	const struct request *request;
	const struct config *config;
	const struct config_route *found;
	const char *method;
	struct request_target target;
	struct values values;
};

/*
 * route_match: what is asked for, and the route that it comes to (found; NULL
 * with a preflight's kind).
 */
int route_match(struct route *, struct route_input *);

/* route_part: the names that the found route's templates come to. */
int route_read_channels(struct route *, struct route_input *);

/* route_part: the body, as one of the kinds in accept (body_read). */
int route_read_body(struct route *, struct route_input *, unsigned accept,
    int depth);

/* route_subscribe: all that a route of channels, or of a program, reads. */
int route_read_subscription(struct route *, struct route_input *);
int route_read_run(struct route *, struct route_input *);

/* route_publish: all that a route that publishes reads. */
int route_read_event(struct route *, struct route_input *);

#endif
