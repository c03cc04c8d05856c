/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/json.h"
#include "hub/run.h"
#include "hub/state.h"

/* What an earlier crierd has left: runs that are over, and interrupted ones. */

/* A run that was over before this crierd. */
static void
run_remember(struct hub *hub, const struct hub_run_options *o, struct id end)
{
	struct hub_run *run = hub_run_begin(hub, o);

	if (run == NULL)
		return;
	hub->counters.runs_begun--;
	hub_run_end(run, end);
}

/* Who is told of runs that were interrupted. */
struct run_recovery {
	struct hub *hub;
	void (*interrupted)(void *, const struct hub_run_options *,
	    struct json_object *);
	void *arg;
};

static void
run_take_note(void *arg, const char *name, const char *text, struct id end)
{
	struct run_recovery *r = arg;
	struct json_object *o = json_parse_object(text, strlen(text));
	struct hub_run_options options = { .key = { "", 0 } };
	const char *user = json_get_string(json_member(o, "user"));

	options.user = user == NULL ? "" : user;
	json_get_text(json_member(o, "key"), &options.key);
	if (json_get_text(json_member(o, "channel"), &options.channel) &&
	    event_check_channel(options.channel.text, options.channel.len) ==
		NULL &&
	    id_parse(name, strlen(name), &options.begin)) {
		if (end.ms > 0)
			run_remember(r->hub, &options, end);
		else
			r->interrupted(r->arg, &options,
			    json_member(o, "more"));
	}
	json_object_put(o);
}

void
hub_run_recover(struct hub *hub,
    void (*interrupted)(void *arg, const struct hub_run_options *,
	struct json_object *note),
    void *arg)
{
	struct run_recovery r = { hub, interrupted, arg };

	hub_now(hub);
	if (hub->store->ops->notes != NULL)
		hub->store->ops->notes(hub->store, run_take_note, &r);
}
