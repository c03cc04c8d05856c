/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "hub/nodes.h"
#include "hub/state.h"

enum {
	NODES_HOST_SIZE = 256,
	NODES_JSON_DEPTH = 8
};

static void
nodes_forget(struct hub_nodes *n)
{
	size_t i;

	for (i = 0; i < n->count; i++) {
		free(n->known[i].name);
		json_object_put(n->known[i].said);
	}
	free(n->known);
	n->known = NULL;
	n->count = 0;
}

void
nodes_clear(struct hub *hub)
{
	nodes_forget(&hub->nodes);
}

const struct nodes_known *
nodes_find(const struct hub *hub, const char *name)
{
	const struct hub_nodes *n = &hub->nodes;
	size_t i;

	for (i = 0; i < n->count; i++)
		if (strcmp(n->known[i].name, name) == 0)
			return &n->known[i];
	return NULL;
}

struct json_object *
nodes_parse(struct text_span said)
{
	struct json_object *o;

	if (json_parse(said.text, said.len, NODES_JSON_DEPTH, &o) == 1 &&
	    json_object_is_type(o, json_type_object) &&
	    json_wrong_number(o) == NULL)
		return o;
	json_object_put(o);
	return NULL;
}

/* Nobody else is told so; takes what it said. */
static void
nodes_gone(struct hub *hub, const char *name, struct json_object *said)
{
	uint64_t streams = 0;

	json_get_whole(json_member(said, "streams"), UINT64_MAX, &streams);
	log_warning("node %s is gone, and with it %" PRIu64 " streams", name,
	    streams);
	notice_node(hub, "gone", name, streams);
	json_object_put(said);
}

void
nodes_heard(struct hub *hub, const struct store_node *nodes, size_t count,
    bool is_new)
{
	struct hub_nodes *n = &hub->nodes;
	uint64_t now = clock_monotonic_ms();
	struct nodes_known *k;
	size_t i;

	nodes_forget(n);
	if ((n->known = calloc(count + 1, sizeof *n->known)) == NULL)
		return;
	for (i = 0; i < count; i++) {
		k = &n->known[n->count];
		k->said = nodes_parse(nodes[i].said);
		if (nodes[i].is_gone) {
			nodes_gone(hub, nodes[i].name, k->said);
			continue;
		}
		if (strcmp(nodes[i].name, hub->store->node) != 0)
			wanted_heard(hub, k->said);
		if ((k->name = strdup(nodes[i].name)) == NULL) {
			json_object_put(k->said);
			continue;
		}
		k->heard_ms = now > nodes[i].age_ms ? now - nodes[i].age_ms : 0;
		n->count++;
	}
	/* What others want is known by now. */
	if (is_new)
		notice_node(hub, "join", hub->store->node, hub->streams.count);
}

void
nodes_add_self(struct hub *hub, struct json_object *o)
{
	char host[NODES_HOST_SIZE] = "", position[ID_TEXT_SIZE];

	gethostname(host, sizeof host - 1);
	json_add_string(o, "host", host);
	json_add_number(o, "pid", (uint64_t)getpid());
	json_add_string(o, "version", PACKAGE_VERSION);
	json_add_number(o, "streams", hub->streams.count);
	json_add_number(o, "users", hub->visitors.users.count);
	json_add_number(o, "channels", hub->channels.table.count);
	json_add_number(o, "published", hub->counters.published);
	json_add_number(o, "delivered", hub->counters.delivered);
	json_add_number(o, "sent_bytes", hub->counters.bytes);
	json_add_number(o, "opened", hub->counters.opened);
	json_add_number(o, "closed", hub->counters.closed);
	id_format(hub->turn.appended, position);
	json_add_string(o, "position", position);
}

void
nodes_say(struct hub *hub, struct buffer *said)
{
	struct json_object *o = json_object_new_object();

	nodes_add_self(hub, o);
	wanted_say(hub, o);
	json_append(said, o);
}
