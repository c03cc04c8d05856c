/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * SIGHUP and `crier reload`: the configuration is read again, and holds from
 * then on for all that begins.  One that has an error, or needs a restart,
 * changes nothing.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/log.h"
#include "daemon/state.h"

/* The next configuration, or NULL; *status is what to say to the manager. */
static struct config *
reload_read(struct daemon *d, const char **status)
{
	const char *setting;
	struct config *fresh;
	char *cause;

	*status = "the configuration has an error, not changed";
	fresh = config_load(d->options->file, d->options->overrides,
	    d->options->override_count, &cause);
	if (fresh == NULL) {
		snprintf(d->reload.error, sizeof d->reload.error, "%s",
		    cause_text(cause));
		log_error("configuration not changed: %s", d->reload.error);
		free(cause);
		return NULL;
	}
	if ((setting = config_needs_restart(d->config, fresh)) != NULL) {
		snprintf(d->reload.error, sizeof d->reload.error,
		    "%s cannot change without a restart", setting);
		log_error("configuration not changed: %s", d->reload.error);
		config_free(fresh);
		*status = "the configuration needs a restart, not changed";
		return NULL;
	}
	*status = "serving, with the configuration read again";
	return fresh;
}

static void
reload_take(struct daemon *d, struct config *fresh)
{
	struct store_bounds bounds = parts_store_bounds(fresh);
	struct config *old = d->config;

	d->config = fresh;
	logging_open(d);
	parts_configure_door(d);
	if (d->hub != NULL) {
		d->store->ops->configure(d->store, &bounds);
		hub_reconfigure(d->hub, fresh, parts_max_streams(d));
		queue_set_connections(d->queue, parts_max_connections(d));
	}
	config_free(old);
	logging_warn(d);
	d->reload.count++;
	d->reload.error[0] = '\0';
	log_info("configuration read again");
}

bool
reload_run(struct daemon *d)
{
	struct config *fresh;
	const char *status;

	systemd_reloading();
	fresh = reload_read(d, &status);
	if (fresh != NULL)
		reload_take(d, fresh);
	systemd_ready(status);
	return fresh != NULL;
}

void
reload_cb(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	reload_run(arg);
}
