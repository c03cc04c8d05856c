/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/loop.h"
#include "hub/relief.h"
#include "hub/state.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

/* In the last second less was freed than counts beside all of the flood. */
static bool
relief_is_quiet(const struct hub_relief *r)
{
	uint64_t now = r->freed - r->seen;

	return now <= RELIEF_QUIET || now <= r->seen / RELIEF_SHARE;
}

/* Looks again in a second; there is nothing to do while nothing is freed. */
static void
relief_wait(struct hub_relief *r)
{
	r->seen = r->freed;
	r->is_set = loop_set_timer(r->rest, RELIEF_REST_MS) == 0;
}

static void
relief_rest_cb(evutil_socket_t fd, short what, void *arg)
{
	struct hub_relief *r = &((struct hub *)arg)->relief;

	(void)fd;
	(void)what;
	if (!relief_is_quiet(r)) {
		relief_wait(r);
		return;
	}
	r->freed = 0;
	r->is_set = false;
#ifdef HAVE_MALLOC_TRIM
	malloc_trim(0);
#endif
}

void
relief_note(struct hub *hub, size_t bytes)
{
	struct hub_relief *r = &hub->relief;

	r->freed += bytes;
	if (r->freed >= RELIEF_FLOOD && !r->is_set && r->rest != NULL)
		relief_wait(r);
}

int
relief_init(struct hub *hub)
{
	hub->relief.rest = event_new(hub->base, -1, 0, relief_rest_cb, hub);
	return hub->relief.rest == NULL ? -1 : 0;
}

void
relief_clear(struct hub *hub)
{
	if (hub->relief.rest != NULL)
		event_free(hub->relief.rest);
	hub->relief.rest = NULL;
}
