/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>

#include "base/json.h"
#include "source/kin.h"
#include "source/run_part.h"

/* What an earlier crierd has left of its runs. */

/* What runs_recover is about. */
struct run_recovery {
	struct runs *runs;
	int (*again)(struct runs *, const struct hub_run_options *,
	    struct json_object *);
};

/* Tells a channel that its run was interrupted: a run that has but an end. */
static void
run_tell(struct runs *runs, const struct hub_run_options *left,
    struct json_object *note)
{
	const char *event = json_get_string(json_member(note, "end_event"));
	struct run_options o = { .channel = left->channel,
		.key = left->key,
		.user = left->user,
		.begin = left->begin,
		.linger_ms = QUANTITY_FOREVER_MS,
		.end_event = event == NULL ? "crier.end" : event,
		.end_data = json_get_string(json_member(note, "end_data")) };
	struct run *run = calloc(1, sizeof *run);

	if (run == NULL)
		return;
	run->runs = runs;
	run->reason = RUN_INTERRUPTED;
	TAILQ_INSERT_TAIL(&runs->list, run, link);
	if (run_prepare(run, &o) == 0 && run_enroll(run, &o) == 0)
		run_end(run);
	else
		run_free(run);
}

static void
run_recover(void *arg, const struct hub_run_options *left,
    struct json_object *note)
{
	const struct run_recovery *r = arg;
	char mark[sizeof RUN_MARK + ID_TEXT_SIZE] = RUN_MARK;
	char *since = mark + sizeof RUN_MARK - 1;

	since[id_format(left->begin, since)] = '\0';
	kin_kill_left(mark);
	if (json_member(note, "again") != NULL &&
	    r->again(r->runs, left, note) == 0)
		return;
	run_tell(r->runs, left, note);
}

void
runs_recover(struct runs *runs,
    int (*again)(struct runs *, const struct hub_run_options *,
	struct json_object *))
{
	struct run_recovery r = { runs, again };

	hub_run_recover(runs->hub, run_recover, &r);
}
