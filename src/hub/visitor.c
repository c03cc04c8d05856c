/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hub/state.h"

static struct visitor *
visitor_find(const struct table *table, struct text_span name)
{
	struct table_entry *e = table_find(table, name.text, name.len);

	return e == NULL ? NULL
			 : (struct visitor *)(void *)((char *)e -
			       offsetof(struct visitor, entry));
}

static struct visitor *
visitor_new(struct table *table, struct text_span name)
{
	struct visitor *v = calloc(1, sizeof *v + name.len + 1);

	if (v == NULL)
		return NULL;
	memcpy(v->name, name.text, name.len);
	v->entry.name = v->name;
	v->entry.name_len = name.len;
	if (table_insert(table, &v->entry) == 0)
		return v;
	free(v);
	return NULL;
}

int
visitor_join(struct table *table, struct text_span name, struct visitor **found)
{
	struct visitor *v;

	*found = NULL;
	if (name.len == 0)
		return 0;
	if ((v = visitor_find(table, name)) == NULL &&
	    (v = visitor_new(table, name)) == NULL)
		return -1;
	v->refs++;
	v->streams++;
	*found = v;
	return 0;
}

void
visitor_leave(struct visitor *v)
{
	if (v != NULL)
		v->streams--;
}

void
visitor_put(struct table *table, struct visitor *v)
{
	if (v == NULL || --v->refs > 0)
		return;
	table_remove(table, &v->entry);
	free(v);
}

/*
 * Only IP addresses tell clients apart: a web server behind a Unix socket names
 * none, or the socket, and streams of the queue's own connections have a word.
 */
static bool
visitor_is_address(struct text_span address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr parsed;

	if (address.len >= sizeof text)
		return false;
	memcpy(text, address.text, address.len);
	text[address.len] = '\0';
	return inet_pton(AF_INET, text, &parsed) == 1 ||
	    inet_pton(AF_INET6, text, &parsed) == 1;
}

static bool
visitor_is_full(const struct table *table, struct text_span name, uint64_t max)
{
	const struct visitor *v;

	if (max == 0 || name.len == 0)
		return false;
	v = visitor_find(table, name);
	return v != NULL && v->streams >= max;
}

static void
visitor_log(struct hub *hub, const char *whose, struct text_span name,
    const char *setting)
{
	if (!log_limit_pass(&hub->visitors.full_log, hub->clock.now_ms))
		return;
	log_warning("%s %.*s has as many streams as %s allows; asked to come "
		    "again, and status counts the next ones",
	    whose, (int)name.len, name.text, setting);
}

enum hub_answer
visitor_admit(struct hub *hub, const struct subscription *sub)
{
	const struct config *c = hub->config;

	if (visitor_is_full(&hub->visitors.users, sub->user,
		c->max_streams_per_user)) {
		hub->counters.user_full++;
		visitor_log(hub, "user", sub->user, "max-streams-per-user");
		return HUB_USER_FULL;
	}
	if (visitor_is_full(&hub->visitors.addresses, sub->address,
		c->max_streams_per_address) &&
	    visitor_is_address(sub->address)) {
		hub->counters.address_full++;
		visitor_log(hub, "address", sub->address,
		    "max-streams-per-address");
		return HUB_ADDRESS_FULL;
	}
	return HUB_OPENED;
}

void
visitors_init(struct hub *hub)
{
	table_init(&hub->visitors.users);
	table_init(&hub->visitors.addresses);
}

void
visitors_clear(struct hub *hub)
{
	table_clear(&hub->visitors.users);
	table_clear(&hub->visitors.addresses);
}
