/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/buffer.h"
#include "source/run_part.h"

/* What becomes of runs when crierd ends in order. */

/*
 * The program has its time to end, and what it still prints is lost.  Its end
 * is not waited for: it is published in this turn, behind what is on its way.
 */
static void
run_interrupt(struct run *run)
{
	struct event_fields e = { .name = run->end_event,
		.name_len = strlen(run->end_event),
		.retry_ms = EVENT_RETRY_NONE };
	struct buffer b = { 0 };

	program_leave(run->program);
	run->program = NULL;
	run->reason = RUN_INTERRUPTED;
	if (run->is_again) {
		hub_run_break(run->hub_run, NULL);
		return;
	}
	if (run->end_data == NULL && run_put_result(run, &b) == -1) {
		hub_run_break(run->hub_run, NULL);
		return;
	}
	e.data = run->end_data == NULL ? b.data : run->end_data;
	e.data_len = run->end_data == NULL ? b.len : strlen(run->end_data);
	hub_run_break(run->hub_run, &e);
	buffer_clear(&b);
}

void
runs_interrupt(struct runs *runs)
{
	struct run *run, *next;

	hub_now(runs->hub);
	TAILQ_FOREACH_SAFE(run, &runs->list, link, next) {
		if (run->is_ending || run->program == NULL)
			hub_run_break(run->hub_run, NULL);
		else
			run_interrupt(run);
		run_free(run);
	}
}
