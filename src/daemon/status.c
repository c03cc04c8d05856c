/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What the daemon adds to the reply to `status`: the figures of its door, its
 * store, and which configuration holds.
 */

#include "base/json.h"
#include "base/log.h"
#include "daemon/state.h"
#include "protocol/figures.h"

static void
status_add_door(const struct daemon *d, struct json_object *status)
{
	const struct door_figures figures = {
		.counters = d->door->counters,
		.waiting = d->door->connection_count,
		.connections_max = d->door->max_connections,
		.programs = programs_count(d->programs),
	};

	figures_add(status, FIGURES_DOOR, &figures);
}

/* Which configuration holds, and what became of the last attempt. */
static void
status_add_configuration(const struct daemon *d, struct json_object *status)
{
	const char *file = d->options->file == NULL ? "" : d->options->file;
	const struct daemon_figures figures = { .reloads = d->reload.count,
		.log_file_bytes = log_file_bytes(),
		.log_bytes = d->config->log_bytes };
	struct json_object *o = figures_group(status, "configuration");

	json_add_string(o, "file", file);
	figures_add(status, FIGURES_DAEMON, &figures);
	json_add_string(o, "reload_error", d->reload.error);
}

void
status_add_cb(void *arg, struct json_object *status)
{
	const struct daemon *d = arg;

	status_add_door(d, status);
	status_add_configuration(d, status);
	d->store->ops->status(d->store, status);
}
