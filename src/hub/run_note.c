/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/publish.h"
#include "hub/run_part.h"

/*
 * What the next crierd is to know of runs: notes of the store, by the id where
 * the run begins.
 */

void
hub_run_end_turn(struct hub_run *run)
{
	if (run->hub->turn.end_cb != NULL)
		run->hub->turn.end_cb(run->hub->turn.end_arg);
}

void
run_note(struct hub_run *run, const char *more, const size_t *end)
{
	struct hub *hub = run->hub;
	struct json_object *o, *inner = NULL;
	char name[ID_TEXT_SIZE];
	const char *text;
	struct batch *b;

	if (hub->store->ops->notes == NULL ||
	    (b = publish_get_batch(hub)) == NULL)
		return;
	if (more != NULL)
		inner = json_parse_object(more, strlen(more));
	o = json_object_new_object();
	json_add_string(o, "channel", run->name);
	if (run->name_key != NULL)
		json_add_string(o, "key",
		    run->name_key + run->by_channel.name_len + 1);
	json_add_string(o, "user", run->user);
	if (inner != NULL)
		json_add(o, "more", inner);
	name[id_format(run->begin, name)] = '\0';
	if ((text = json_line(o)) != NULL)
		batch_add_note(b, name, text, end);
	json_object_put(o);
}

void
run_drop_note(struct hub_run *run)
{
	char name[ID_TEXT_SIZE];
	struct batch *b;

	if (run->hub->store->ops->notes == NULL ||
	    (b = publish_get_batch(run->hub)) == NULL)
		return;
	name[id_format(run->begin, name)] = '\0';
	batch_add_note(b, name, NULL, NULL);
	hub_run_end_turn(run);
}
