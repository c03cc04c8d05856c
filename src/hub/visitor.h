/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_VISITOR_H
#define CRIER_HUB_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "hub/subscription.h"

struct hub;
struct slice_lane;

/*
 * Whom streams are for: a user whom the web server knows, or an address.  Each
 * exists once, while a stream names it, and counts the streams that are open.
 */
struct visitor {
	struct table_entry entry; /* in one of the two tables */
	uint32_t refs;            /* streams that name it, dead ones too */
	uint32_t streams;         /* those that are not dead */
	struct visitor *house;    /* whom it counts for, too; or NULL */
	struct slice_lane *lane;  /* of its replays that wait, or NULL */
	uint64_t mark;            /* as stream.mark, with seen: presence */
	uint32_t seen;
	char name[]; /* right behind: there are very many of these */
};

enum {
	VISITOR_HOUSE_SIZE =
	    64 /* the longest address in IPv6's form, and /64 */
};

/*
 * Writes what max-streams-per-address counts an address for, and a NUL: all its
 * forms are one, a port behind it is left out, an IPv4 address within IPv6 (RFC
 * 4291, 2.5.5.2; RFC 6052, 2.1) is that address, and of a network's addresses
 * in IPv6 all are one, 2001:db8::/64, since a household has that many.  False:
 * it is no IP address.
 */
bool visitor_house(struct text_span address, char house[VISITOR_HOUSE_SIZE]);

struct hub_visitors {
	struct table users, addresses;
	struct log_limit full_log;
};

void visitors_init(struct hub *);

/* No stream may be left. */
void visitors_clear(struct hub *);

/*
 * Counts a stream for whoever has this name, in *found; NULL is nobody, whose
 * name is empty.  0, or -1 (memory).
 */
int visitor_join(struct table *, struct text_span name, struct visitor **found);

/* The same for an address, and for what visitor_house makes of it. */
int visitor_join_address(struct table *, struct text_span address,
    struct visitor **found);

/* A visitor's stream is dead; then, it does not need the name any more. */
void visitor_leave(struct visitor *);
void visitor_put(struct table *, struct visitor *);

/*
 * HUB_OPENED if max-streams-per-user and max-streams-per-address allow one
 * more, else which of them does not; it is counted.
 */
enum hub_answer visitor_admit(struct hub *, const struct subscription *);

/* Whether they do; nothing is counted. */
bool visitor_has_room(const struct hub *, const struct subscription *);

#endif
