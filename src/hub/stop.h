/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STOP_H
#define CRIER_HUB_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "base/text.h"

struct hub;

/*
 * A user whose streams were closed for good (`close --stop --user`), and who
 * may open none for `stop-seconds`.  Channels that were stopped know it
 * themselves.
 */
struct hub_stop {
	struct table_entry entry;
	TAILQ_ENTRY(hub_stop) link;
	uint64_t until_ms;
	char user[];
};

struct hub_stops {
	struct table users;
	TAILQ_HEAD(hub_stop_list_head,
	    hub_stop) list; /* what ends first, first */
};

void stops_init(struct hub *);
void stops_clear(struct hub *);

/* Stops a user for so long; without memory for it nothing happens. */
void stop_user(struct hub *, struct text_span user, uint64_t ms);

/* Whether this user is stopped. */
bool stop_holds(struct hub *, struct text_span user);

#endif
