/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "source/program_stream.h"
#include "source/sources.h"

bool
sources_would_open(const struct sources *sources, const struct opening *opening)
{
	uint64_t max = hub_config(sources->hub)->run_max;

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
	if (opening->program != NULL)
		program_stream_open(sources->hub, sources->programs, opening,
		    result);
	else
		result->answer = hub_subscribe(sources->hub, &opening->sub);
}
