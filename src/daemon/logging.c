/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Where the log goes: it depends on how the process was started. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/log.h"
#include "daemon/state.h"
#include "protocol/paths.h"

bool
logging_is_stderr(const struct daemon *d)
{
	if (d->config->log == CONFIG_LOG_AUTO)
		return d->is_foreground || d->options->start != DAEMON_ALONE;
	return d->config->log == CONFIG_LOG_STDERR;
}

void
logging_open(const struct daemon *d)
{
	log_open(logging_is_stderr(d) ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG,
	    (enum log_level)d->config->log_level);
	if (d->log_path != NULL && d->is_ready)
		log_set_file(d->log_path, d->config->log_bytes);
}

int
logging_open_file(struct daemon *d, char **cause)
{
	char *path = paths_beside(d->config->queue, "crierd.log");

	*cause = NULL;
	d->log_path = path;
	if (path == NULL)
		return -1;
	d->log_fd = open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->log_fd == -1 ||
	    (d->account.is_set &&
		fchown(d->log_fd, d->account.uid, d->account.gid) == -1))
		return process_cannot(path, "", W_OK, errno, cause);
	return 0;
}

/* No more than warns: a user or group that is named may be made later. */
static void
logging_warn_of_names(const struct daemon *d, const char *setting,
    const struct config_list *names)
{
	char where[CONFIG_WHERE_SIZE];
	size_t i;

	config_where(d->config, d->options->file, setting, where);
	for (i = 0; i < names->count; i++)
		if (getpwnam(names->items[i]) == NULL &&
		    getgrnam(names->items[i]) == NULL)
			log_warning("%s%s: there is no user and no group %s on "
				    "this machine",
			    where, setting, names->items[i]);
}

void
logging_warn(const struct daemon *d)
{
	const struct config *c = d->config;
	size_t i;

	for (i = 0; i < c->warnings.count; i++)
		log_warning("%s", c->warnings.items[i]);
	logging_warn_of_names(d, "queue-allow", &c->queue_allow);
	logging_warn_of_names(d, "handoff-allow", &c->handoff_allow);
	logging_warn_of_names(d, "run-allow", &c->run_allow);
}
