/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/loop.h"
#include "source/kin.h"
#include "source/run_part.h"

/* What the programs of runs leave behind. */

enum {
	RUN_KIN_MS = 100
};

/* Whether what has this mark belongs to a program that runs. */
static bool
runs_has(void *arg, const char *mark)
{
	const struct runs *runs = arg;
	struct program_result result;
	char since[ID_TEXT_SIZE];
	const struct run *run;

	TAILQ_FOREACH(run, &runs->list, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		if (run->program == NULL ||
		    program_get_result(run->program, &result))
			continue;
		since[id_format(hub_run_begin_id(run->hub_run), since)] = '\0';
		if (strcmp(since, mark) == 0)
			return true;
	}
	return false;
}

void
runs_sweep(struct runs *runs)
{
	if (kin_kill(RUN_MARK, programs_count(runs->programs), runs_has, runs) >
	    0)
		loop_set_timer(runs->kin, RUN_KIN_MS);
}

void
runs_kin_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	runs_sweep(arg);
}
