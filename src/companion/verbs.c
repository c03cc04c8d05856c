/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "companion/verbs.h"

#define VERB_ADDRESS(name) &verb_##name
static const struct verb *const verbs[] = { VERB_LIST(VERB_ADDRESS) };

enum {
	VERBS = sizeof verbs / sizeof verbs[0]
};

const struct verb *
verbs_find(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

void
verbs_print(FILE *to)
{
	int width = 0;
	size_t i;

	for (i = 0; i < VERBS; i++)
		if ((int)strlen(verbs[i]->name) > width)
			width = (int)strlen(verbs[i]->name);
	for (i = 0; i < VERBS; i++)
		fprintf(to, "  %-*s  %s%s\n", width, verbs[i]->name,
		    verbs[i]->summary,
		    verb_is_there(verbs[i]) ? "" : " (not installed)");
}

void
verbs_print_names(FILE *to)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		fprintf(to, "%s%s",
		    i == 0              ? ""
			: i + 1 < VERBS ? ", "
					: " or ",
		    verbs[i]->name);
}
