/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "source/run_part.h"

/* What is noted of a run that goes on; run_recover reads it. */

char *
run_note_make(const struct run_options *o)
{
	struct json_object *note = json_object_new_object();
	const char *line;
	char *copy = NULL;

	json_add_string(note, "end_event", o->end_event);
	if (o->end_data != NULL)
		json_add_string(note, "end_data", o->end_data);
	json_add_number(note, "attempt", o->attempt);
	if (o->again != NULL)
		json_add(note, "again", json_object_get(o->again));
	if ((line = json_line(note)) != NULL)
		copy = strdup(line);
	json_object_put(note);
	return copy;
}
