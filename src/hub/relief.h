/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_RELIEF_H
#define CRIER_HUB_RELIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

struct hub;

/*
 * Gives the system back the memory that a flood took, of events, replays,
 * streams or channels, when it is over.  The allocator would keep it: what is
 * free lies between smaller things, and what it has mapped once it does not
 * unmap.
 */

enum {
	RELIEF_FLOOD = 8388608, /* bytes freed that are worth it */
	/*
	 * Freed in a second in which there is no flood: so many bytes, or such
	 * a share of the flood.  Under steady traffic it is over in a minute.
	 */
	RELIEF_QUIET = 65536,
	RELIEF_SHARE = 64,
	RELIEF_REST_MS = 1000
};

struct hub_relief {
	uint64_t freed; /* since memory was given back */
	uint64_t seen;  /* of these, a second ago */
	struct event *rest;
	bool is_set; /* the timer */
};

/* 0, or -1 (memory). */
int relief_init(struct hub *);
void relief_clear(struct hub *);

/* So much memory was freed just now. */
void relief_note(struct hub *, size_t bytes);

#endif
