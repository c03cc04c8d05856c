/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>
#include <strings.h>

#include "doctor/measure.h"

bool
measure_is_stream(const struct measure *m)
{
	static const char type[] = "text/event-stream";
	size_t len = sizeof type - 1;

	return m->head.status == 200 &&
	    strncasecmp(m->head.type, type, len) == 0 &&
	    (m->head.type[len] == '\0' || m->head.type[len] == ';' ||
		m->head.type[len] == ' ');
}

bool
measure_is_held(const struct measure *m)
{
	return m->at_crierd && m->first_us == MEASURE_NEVER;
}

bool
measure_has_stream(const struct measure *m)
{
	return m->at_crierd && (m->head.status == 0 || measure_is_stream(m));
}
