/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_OPENING_H
#define CRIER_REQUEST_OPENING_H

#include <stdbool.h>

#include "config/config_route.h"
#include "hub/hub.h"
#include "request/refusal.h"
#include "request/request.h"

/*
 * A stream on its way from the exchange that asks for it to whoever opens it:
 * source/sources in the hub's own process, or door/handoff, which makes it a
 * line for another process's hub.  All that it points to is borrowed.
 */
struct opening {
	struct subscription sub;
	/*
	 * Whose program's output it brings; NULL: it follows channels.  If the
	 * program is to run in a channel (config_route_is_run), the stream
	 * follows that.
	 */
	const struct config_route *program;
	const struct request *request; /* with program: what it is run for */
	struct text_span key;          /* of a run; none: len 0 */
};

/* What became of an opening. */
struct opening_result {
	struct refusal refusal; /* status 0: the hub has answered, this: */
	enum hub_answer answer;
	char since[ID_TEXT_SIZE]; /* with status 409: where the run begins */
};

/*
 * Whether it may be handed over again when the hub that had it has ended: a
 * program that it has started would be started twice.
 */
bool opening_is_repeatable(const struct opening *);

/* Whether the stream is open; its descriptor is then the hub's. */
bool opening_is_done(const struct opening_result *);

#endif
