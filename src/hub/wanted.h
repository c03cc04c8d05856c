/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_WANTED_H
#define CRIER_HUB_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/text.h"

struct hub;

/*
 * Which of crier's own channels are followed at other nodes: then this one
 * makes their events, too.  A node says so when the first stream follows one
 * here, at that place in the log, and with all that it says of itself; it is
 * believed until a few such words did not come.
 */
enum wanted {
	WANTED_STREAMS, /* `$streams` */
	WANTED_STATS,   /* `$stats` */
	WANTED_KINDS
};

/* Of each kind, which is another module's. */
struct wanted_kind {
	const char *channel;
	bool (*is_here)(struct hub *); /* whether it is followed here */
	void (*begin)(struct hub *);   /* another node wants it */
};

struct hub_wanted {
	const struct wanted_kind *kinds; /* WANTED_KINDS */
	uint64_t until_ms[WANTED_KINDS]; /* elsewhere */
	uint64_t told_ms[WANTED_KINDS];  /* by this node, the last time */
};

/* Whether another node wants these events. */
bool wanted_elsewhere(const struct hub *, enum wanted);

/* Tells the other nodes, if there are any, that this one wants them. */
void wanted_tell(struct hub *, enum wanted);

/* Another node wants what the text says; false: it says nothing of that kind.
 */
bool wanted_hear(struct hub *, struct text_span text);

/* Adds what this node wants to what it says of itself; takes that in. */
void wanted_say(struct hub *, struct json_object *said);
void wanted_heard(struct hub *, struct json_object *said);

#endif
