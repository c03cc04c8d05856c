/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ROUTE_PART_H
#define CRIER_REQUEST_ROUTE_PART_H

#include "request/route.h"
#include "request/values.h"

/*
 * What request/route is made of.  route_decide finds a route (route_match) and
 * has the reader of its kind read the request (route_subscribe, route_publish);
 * the readers share what is in route_part, and none calls back.  All return 0,
 * or -1 with the route's refusal set.
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
 * route_match: fills in the target, and the route that it comes to (found; NULL
 * for a preflight, which comes to none).
 */
int route_match(struct route *, struct route_input *);

/* route_part: adds the channels that the found route's templates name. */
int route_read_channels(struct route *, struct route_input *);

/* route_part: adds a channel by its name, unless the route has it. */
int route_add_channel(struct route *, const struct route_input *,
    const char *name, size_t len);

/* route_part: reads the body, as one of the kinds in accept (body_read). */
int route_read_body(struct route *, struct route_input *, unsigned accept,
    int depth);

/* route_part: reads the body where the route's templates use it. */
int route_read_used_body(struct route *, struct route_input *);

/*
 * route_subscribe: reads all that a stream of channels, or of a program, needs.
 */
int route_read_subscription(struct route *, struct route_input *);
int route_read_run(struct route *, struct route_input *);

/* route_subscribe: reads where a stream begins, and whether it polls. */
int route_read_position(struct route *, const struct route_input *);

/* route_status: reads what is asked of a status. */
int route_read_status(struct route *, struct route_input *);

/* route_publish: reads the event and its channels, and expands the reply. */
int route_read_event(struct route *, struct route_input *);

/*
 * route_publish: reads an event that a body alone says, as form, JSON or text,
 * to one channel.
 */
int route_read_plain_event(struct route *, struct route_input *,
    const char *channel);

#endif
