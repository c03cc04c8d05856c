/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Comparing two configurations: what takes a restart to change. */

#include <string.h>

#include "config/config_setting.h"

static bool
config_lists_equal(const struct config_list *a, const struct config_list *b)
{
	size_t i;

	for (i = 0; a->count == b->count && i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

static bool
config_values_equal(const struct config_setting *s, const void *a,
    const void *b)
{
	switch (s->kind->storage) {
	case CONFIG_STRING:
		return strcmp(config_setting_string(s, a),
			   config_setting_string(s, b)) == 0;
	case CONFIG_STRINGS:
		return config_lists_equal(config_setting_strings(s, a),
		    config_setting_strings(s, b));
	default:
		return config_setting_number(s, a) ==
		    config_setting_number(s, b);
	}
}

const char *
config_needs_restart(const struct config *a, const struct config *b)
{
	const struct config_setting *s;

	for (s = config_settings; s->name != NULL; s++)
		if (s->restart && !config_values_equal(s, a, b))
			return s->name;
	return NULL;
}
