/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "hub/state.h"

static void
stop_drop(struct hub *hub, struct hub_stop *stop)
{
	table_remove(&hub->stops.users, &stop->entry);
	TAILQ_REMOVE(&hub->stops.list, stop, link);
	free(stop);
}

static struct hub_stop *
stop_find(struct hub *hub, const char *user, size_t len)
{
	struct table_entry *e = table_find(&hub->stops.users, user, len);

	return e == NULL ? NULL
			 : (struct hub_stop *)(void *)((char *)e -
			       offsetof(struct hub_stop, entry));
}

void
stop_user(struct hub *hub, struct text_span user, uint64_t ms)
{
	struct hub_stop *stop = stop_find(hub, user.text, user.len), *before;
	size_t len = user.len;

	if (stop != NULL)
		stop_drop(hub, stop);
	if ((stop = malloc(sizeof *stop + len + 1)) == NULL)
		return;
	memcpy(stop->user, user.text, len);
	stop->user[len] = '\0';
	stop->until_ms = hub->clock.now_ms + ms;
	stop->entry.name = stop->user;
	stop->entry.name_len = len;
	if (table_insert(&hub->stops.users, &stop->entry) == -1) {
		free(stop);
		return;
	}
	TAILQ_FOREACH_REVERSE(before, &hub->stops.list, hub_stop_list_head,
	    link)
	{
		if (before->until_ms <= stop->until_ms)
			break;
	}
	if (before == NULL)
		TAILQ_INSERT_HEAD(&hub->stops.list, stop, link);
	else
		TAILQ_INSERT_AFTER(&hub->stops.list, before, stop, link);
}

bool
stop_holds(struct hub *hub, struct text_span user)
{
	struct hub_stop *stop;

	while ((stop = TAILQ_FIRST(&hub->stops.list)) != NULL &&
	    stop->until_ms <= hub->clock.now_ms)
		stop_drop(hub, stop);
	return stop_find(hub, user.text, user.len) != NULL;
}

void
stops_init(struct hub *hub)
{
	table_init(&hub->stops.users);
	TAILQ_INIT(&hub->stops.list);
}

void
stops_clear(struct hub *hub)
{
	struct hub_stop *stop;

	while ((stop = TAILQ_FIRST(&hub->stops.list)) != NULL)
		stop_drop(hub, stop);
	table_clear(&hub->stops.users);
}
