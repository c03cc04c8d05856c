/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_ROUTE_H
#define CRIER_DOOR_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "door/request.h"
#include "hub/channel.h"

enum {
	ROUTE_ERROR_SIZE = 160,
	ROUTE_PADDING_MAX = 4096,
	ROUTE_POLL_MAX = 3600 /* seconds */
};

enum route_kind {
	ROUTE_STREAM,    /* follow the channels */
	ROUTE_HEAD,      /* only the headers of that */
	ROUTE_PREFLIGHT, /* OPTIONS */
	ROUTE_REFUSAL    /* status and error say why */
};

/*
 * What a request comes to.  The standing routes are `/events`, whose channels
 * are in the query (or in the JSON body of a POST), and `/events/CHANNEL`.
 */
struct route {
	enum route_kind kind;
	int status;
	char error[ROUTE_ERROR_SIZE];
	struct text_span channels[CURSORS_MAX];
	char *names[CURSORS_MAX]; /* what they point to */
	size_t channel_count;
	char *since; /* Last-Event-ID; NULL: none */
	size_t since_len;
	bool since_all, has_last;
	uint64_t last, padding;
	bool is_poll; /* these as in struct subscription */
	uint64_t poll_ms, poll_above;
};

/* Decides; never fails, for a refusal is an answer too. */
void
route_decide(const struct request *, const struct config *, struct route *);

void route_clear(struct route *);

#endif
