/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_LIMITS_H
#define CRIER_PROTOCOL_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The ranges of those numbers that reach crierd in more than one way: as a
 * setting, a parameter of a request, a member of a queue's line or of a stream
 * that is handed over, an option of crier.  Each way looks its range up here,
 * so a number that one of them takes is never refused by the next.  A number
 * that is a setting and nothing else has its range in the setting's row.
 */

/* The unit ends the name; a number without one is a count. */
enum limit_name {
	LIMIT_EVENT_BYTES,  /* max-event: of an event's data */
	LIMIT_RETRY_MS,     /* of an event, a channel, a route */
	LIMIT_EXPIRES_MS,   /* of an event */
	LIMIT_HEARTBEAT_MS, /* 0: none */
	LIMIT_MAX_TIME_MS,  /* 0: no end */
	LIMIT_RUN_TIME_MS,  /* of a program; 0: no end */
	LIMIT_STREAM_MS, /* the rest of a run-time or token; holds a run-time */
	LIMIT_POLL_MS,
	LIMIT_POLL_ABOVE,
	LIMIT_LAST,    /* events of a channel to begin with */
	LIMIT_HISTORY, /* events that are told at once */
	LIMIT_PADDING_BYTES,
	LIMITS
};

struct limit {
	uint64_t min, max; /* both are allowed */
};

extern const struct limit limit_of[LIMITS];

bool limit_allows(const struct limit *, uint64_t value);

#endif
