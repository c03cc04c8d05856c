/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "source/program_stream.h"
#include "source/program_stream.h"
#include "source/run_open.h"
#include "source/sources.h"

bool
sources_would_open(const struct sources *sources, const struct opening *opening)
{
	uint64_t max = hub_config(sources->hub)->run_max;

	/* Of one with a channel more is to be asked than can be here. */
	if (opening->program != NULL && config_route_is_run(opening->program))
		return false;
	if (opening->program != NULL && max > 0 &&
	    programs_count(sources->programs) >= max)
		return false;
	return hub_would_open(sources->hub, &opening->sub);
}

void
sources_open(const struct sources *sources, struct opening *opening,
    struct opening_result *result)
{
	memset(result, 0, sizeof *result);
	if (opening->program != NULL && config_route_is_run(opening->program))
		run_open(sources->runs, opening, result);
	else if (opening->program != NULL)
		program_stream_open(sources->hub, sources->programs, opening,
		    result);
	else
		result->answer = hub_subscribe(sources->hub, &opening->sub);
}
