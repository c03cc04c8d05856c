/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "protocol/paths.h"
#include "store/store.h"

struct store *
store_open(const struct store_options *options, char **cause)
{
	if (strcmp(options->url, "memory") == 0)
		return store_memory_open(options, cause);
	if (paths_of_store(options->url) != NULL)
		return store_sqlite_open(options, cause);
	cause_set(cause, "store: %s is neither memory nor sqlite:PATH",
	    options->url);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store != NULL)
		store->ops->close(store);
}

void
store_figures_init(struct store_figures *figures)
{
	/* FIGURE_NONE has all bits set. */
	memset(figures, 0xff, sizeof *figures);
}

void
store_read_clear(struct store_read *r)
{
	size_t i;

	for (i = 0; i < r->range_count; i++)
		free(r->ranges[i].name);
	free(r->ranges);
	free(r->own_id);
	buffer_clear(&r->records);
	memset(r, 0, sizeof *r);
}
