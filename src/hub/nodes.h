/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_NODES_H
#define CRIER_HUB_NODES_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buffer.h"
#include "base/pace.h"
#include "base/text.h"
#include "store/store.h"

struct hub;

/*
 * The nodes at a shared store, this one among them, as each said of itself when
 * it was last heard.
 */
struct hub_nodes {
	struct nodes_known *known;
	size_t count;
	struct pace pace; /* of answers to others' questions */
	bool has_lost;    /* the store its log, since they were last heard */
};

struct nodes_known {
	char *name;
	struct json_object *said;
	uint64_t heard_ms; /* monotonic: when it said so */
};

void nodes_clear(struct hub *);

/* What the store tells every few seconds; is_new: others did not know us. */
void
nodes_heard(struct hub *, const struct store_node *, size_t count, bool is_new);

/* Appends what this node says of itself: a line of JSON. */
void nodes_say(struct hub *, struct buffer *said);

/* Adds the same to an object. */
void nodes_add_self(struct hub *, struct json_object *);

/*
 * What a node says, which may be anything: an object that is valid JSON in all
 * of its parts, so that it can be passed on, the caller's; NULL for all else.
 */
struct json_object *nodes_parse(struct text_span said);

/* A node that was heard of, or NULL. */
const struct nodes_known *nodes_find(const struct hub *, const char *name);

#endif
