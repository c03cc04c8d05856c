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
 * A stream between the exchange that asks for it and whoever opens it: this
 * process (source/sources) or, as a line of the queue, the hub's
 * (door/handoff).  All of it is borrowed.
 */
struct opening {
	struct subscription sub;
	/* Whose program's output it brings; NULL: it follows channels. */
	const struct config_route *program;
	const struct request *request; /* which that program serves, then */
};

/* What became of an opening. */
struct opening_result {
	struct refusal refusal; /* its status is 0 if the hub has answered: */
	enum hub_answer answer;
};

/* Whether the stream is open, and its descriptor with the hub. */
bool opening_is_done(const struct opening_result *);

#endif
