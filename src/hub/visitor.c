/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <arpa/inet.h>
#include <stdio.h>
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
	struct visitor *v =
	    calloc(1, offsetof(struct visitor, name) + name.len + 1);

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

/* Whether a text is empty, or ":PORT". */
static bool
visitor_is_port(struct text_span text)
{
	uint64_t port;

	return text.len == 0 ||
	    (text.text[0] == ':' &&
		text_parse_number(text.text + 1, text.len - 1, 65535, &port));
}

/* The text before the first such character, which stays in the rest. */
static struct text_span
visitor_cut(struct text_span *rest, char at)
{
	const char *found = memchr(rest->text, at, rest->len);
	struct text_span cut = *rest;

	if (found != NULL)
		cut.len = (size_t)(found - rest->text);
	rest->text += cut.len;
	rest->len -= cut.len;
	return cut;
}

/*
 * Copies an address without brackets, zone (RFC 4007, 11.2) and port.  A port
 * stands behind brackets or an IPv4 address: a first colon with a dot before
 * it.
 */
static bool
visitor_copy_address(struct text_span address, char to[INET6_ADDRSTRLEN])
{
	struct text_span rest = address, host = visitor_cut(&rest, ':');

	if (address.len > 0 && address.text[0] == '[') {
		rest.text = address.text + 1;
		rest.len = address.len - 1;
		host = visitor_cut(&rest, ']');
		if (rest.len == 0)
			return false;
		rest.text++;
		rest.len--;
	} else if (memchr(host.text, '.', host.len) == NULL) {
		host = address;
		rest.len = 0;
	}
	host = visitor_cut(&host, '%');
	if (!visitor_is_port(rest) || host.len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(to, host.text, host.len);
	to[host.len] = '\0';
	return true;
}

/*
 * Whether an address stands for an IPv4 one, by its last 32 bits: mapped (RFC
 * 4291, 2.5.5.2), or translated (RFC 6052, 2.1), where all the clients of IPv4
 * have the same first 96.
 */
static bool
visitor_is_ipv4(const struct in6_addr *a)
{
	static const unsigned char translated[12] = { 0, 0x64, 0xff, 0x9b };

	return IN6_IS_ADDR_V4MAPPED(a) ||
	    memcmp(a->s6_addr, translated, sizeof translated) == 0;
}

bool
visitor_house(struct text_span address, char house[VISITOR_HOUSE_SIZE])
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr parsed;

	if (!visitor_copy_address(address, text))
		return false;
	if (inet_pton(AF_INET, text, &parsed) == 1) {
		inet_ntop(AF_INET, &parsed, house, VISITOR_HOUSE_SIZE);
		return true;
	}
	if (inet_pton(AF_INET6, text, &parsed) != 1)
		return false;
	if (visitor_is_ipv4(&parsed)) {
		inet_ntop(AF_INET, &parsed.s6_addr[12], house,
		    VISITOR_HOUSE_SIZE);
		return true;
	}
	/* All networks share these prefixes, so the whole address counts. */
	if (IN6_IS_ADDR_LINKLOCAL(&parsed) || IN6_IS_ADDR_LOOPBACK(&parsed)) {
		inet_ntop(AF_INET6, &parsed, house, VISITOR_HOUSE_SIZE);
		return true;
	}
	memset(&parsed.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &parsed, house, VISITOR_HOUSE_SIZE);
	snprintf(house + strlen(house), VISITOR_HOUSE_SIZE - strlen(house),
	    "/64");
	return true;
}

/* Finds or makes what a new address counts for, besides itself.  0, or -1. */
static int
visitor_move_in(struct table *table, struct visitor *v)
{
	char house[VISITOR_HOUSE_SIZE];
	struct text_span name = { house, 0 };

	if (!visitor_house((struct text_span){ v->name, v->entry.name_len },
		house) ||
	    strcmp(house, v->name) == 0)
		return 0;
	name.len = strlen(house);
	if ((v->house = visitor_find(table, name)) == NULL &&
	    (v->house = visitor_new(table, name)) == NULL)
		return -1;
	v->house->refs++;
	return 0;
}

int
visitor_join_address(struct table *table, struct text_span address,
    struct visitor **found)
{
	struct visitor *v;

	if (visitor_join(table, address, &v) == -1)
		return -1;
	if (v != NULL && v->refs == 1 && visitor_move_in(table, v) == -1) {
		visitor_put(table, v);
		*found = NULL;
		return -1;
	}
	if (v != NULL && v->house != NULL)
		v->house->streams++;
	*found = v;
	return 0;
}

void
visitor_leave(struct visitor *v)
{
	if (v == NULL)
		return;
	v->streams--;
	if (v->house != NULL)
		v->house->streams--;
}

void
visitor_put(struct table *table, struct visitor *v)
{
	struct visitor *house;

	for (; v != NULL && --v->refs == 0; v = house) {
		house = v->house;
		table_remove(table, &v->entry);
		free(v);
	}
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

/*
 * Only IP addresses tell clients apart: a web server behind a Unix socket names
 * none, or the socket, and streams of the queue's own connections have a word.
 */
static bool
visitor_is_full_address(const struct hub *hub, struct text_span address)
{
	char house[VISITOR_HOUSE_SIZE];

	return hub->config->max_streams_per_address > 0 &&
	    visitor_house(address, house) &&
	    visitor_is_full(&hub->visitors.addresses,
		(struct text_span){ house, strlen(house) },
		hub->config->max_streams_per_address);
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
	if (visitor_is_full_address(hub, sub->address)) {
		hub->counters.address_full++;
		visitor_log(hub, "address", sub->address,
		    "max-streams-per-address");
		return HUB_ADDRESS_FULL;
	}
	return HUB_OPENED;
}

bool
visitor_has_room(const struct hub *hub, const struct subscription *sub)
{
	return !visitor_is_full(&hub->visitors.users, sub->user,
		   hub->config->max_streams_per_user) &&
	    !visitor_is_full_address(hub, sub->address);
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
