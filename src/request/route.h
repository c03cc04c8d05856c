/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ROUTE_H
#define CRIER_REQUEST_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/config_route.h"
#include "protocol/event.h"
#include "request/expand.h"
#include "request/refusal.h"
#include "request/request.h"

enum {
	ROUTE_ALLOW_SIZE = 256
};

/* The position (Last-Event-ID) of whoever has seen the end of a stream. */
#define ROUTE_END_ID "crier.end"

/* What is to be done for a request. */
enum route_kind {
	ROUTE_STREAM,    /* open a stream, of channels or of a program's */
	ROUTE_HEAD,      /* only the headers of a stream */
	ROUTE_PREFLIGHT, /* OPTIONS: allow says what is served here */
	ROUTE_REFUSAL,   /* refusal says why */
	ROUTE_PUBLISH,   /* event to the channels, then route_put_reply */
	ROUTE_STATUS,    /* config->status says in which form */
	ROUTE_PAGE,      /* a file of the status page: view says which */
	ROUTE_SCRIPT,    /* crier.js */
	ROUTE_PRESENCE,  /* who follows channels[0], which may be one more */
	ROUTE_HISTORY,   /* what channels retain, as JSON */
	ROUTE_STOP,      /* end what runs in channels[0] */
	ROUTE_KINDS
};

/* What of the status page is asked for; all else has ROUTE_VIEW_PAGE, too. */
enum route_view {
	ROUTE_VIEW_PAGE,
	ROUTE_VIEW_SCRIPT,
	ROUTE_VIEW_STYLE,
	ROUTE_VIEW_FIGURES, /* the status, with what the page lists */
	ROUTE_VIEW_EVENTS,  /* crier's own channels */
	ROUTE_VIEW_CHANNEL, /* the events of one channel */
	ROUTE_VIEW_PUBLISH, /* an event for one channel */
	ROUTE_VIEWS
};

/*
 * What a request comes to.  A route owns all but config, so it outlives the
 * request; but whoever uses config later must hold the configuration, which a
 * reload would free.
 */
struct route {
	enum route_kind kind;
	int status; /* of the answer, if it is no refusal */
	struct refusal refusal;
	char allow[ROUTE_ALLOW_SIZE];      /* methods of this path; "": none */
	const struct config_route *config; /* which matched, or NULL */
	struct text_span channels[CURSORS_MAX];
	char *names[CURSORS_MAX]; /* the channels' memory */
	size_t channel_count;

	/* ROUTE_STREAM, ROUTE_HEAD and, but for polls, ROUTE_HISTORY */
	char *since; /* Last-Event-ID; NULL: none */
	size_t since_len;
	bool is_over;      /* the client has seen the end, and is to stop */
	bool is_own_alone; /* ROUTE_STOP: a run that its user has begun */
	bool since_all, has_last, is_tagged;
	uint64_t last, padding;
	bool is_poll; /* as in struct subscription, and so is what follows */
	uint64_t poll_ms, poll_above;

	uint64_t limit; /* of ROUTE_HISTORY: events; 0: the most there may be */

	/* Of the status page */
	enum route_view view;
	char *sort, *find; /* of its channels, as asked; or NULL */
	char *looked_into; /* the channel that it shows; or NULL */

	/* ROUTE_PUBLISH; of a run its key alone */
	struct event_fields event; /* event_check has accepted it */
	struct expansion fields[CONFIG_FIELDS]; /* what it points to; reply */
	bool has_reply;                         /* of its own */
	char *reply_type;
};

/* Decides on a request; never fails, for a refusal is an answer too. */
void
route_decide(const struct request *, const struct config *, struct route *);

/*
 * Appends the body that answers ROUTE_PUBLISH, once the event is accepted: the
 * route's own reply, of reply_type (with status 204 there is none), or
 * {"ok":true,"id":...}.  0, or -1 (memory).
 */
int route_put_reply(const struct route *, struct buffer *, struct text_span id,
    uint64_t streams);

void route_clear(struct route *);

#endif
