/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/describe.h"
#include "hub/state.h"

void
describe_stream(const struct stream *s, struct json_object *o)
{
	struct json_object *names = json_object_new_array();
	const char *user = stream_user(s), *address = stream_address(s);
	size_t i;

	json_add_number(o, "stream", s->id);
	if (s->hub->store->node != NULL)
		json_add_string(o, "node", s->hub->store->node);
	json_add_string(o, "user", user);
	json_add_string(o, "address", address);
	for (i = 0; names != NULL && i < s->cursor_count; i++)
		json_object_array_add(names,
		    json_object_new_string(s->cursors[i].channel->name));
	json_add(o, "channels", names);
	json_add_string(o, "door", s->framing->name);
}

void
describe_sums(const struct stream *s, struct json_object *o)
{
	json_add_number(o, "seconds",
	    (s->hub->clock.now_ms - s->opened_ms) / 1000);
	json_add_number(o, "events", s->events);
	json_add_number(o, "bytes", s->bytes);
}
