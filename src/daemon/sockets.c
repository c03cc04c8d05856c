/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/loop.h"
#include "daemon/daemon.h"
#include "protocol/paths.h"
#include "protocol/store_url.h"
#include "queue/fifo.h"

static int
daemon_find_access(const struct daemon *d, const char *setting,
    const char *group, mode_t mode, struct listener_access *access,
    char **cause)
{
	char *why;

	if (process_find_group(group, &access->group, &why) == -1) {
		cause_set(cause, "%s: %s", setting, cause_text(why));
		free(why);
		return -1;
	}
	access->owner = (uid_t)-1;
	access->mode = mode;
	if (!d->account.is_set)
		return 0;
	access->owner = d->account.uid;
	if (access->group == (gid_t)-1)
		access->group = d->account.gid;
	return 0;
}

static int
daemon_find_listen_access(const struct daemon *d,
    struct listener_access *access, char **cause)
{
	return daemon_find_access(d, "listen-group", d->config->listen_group,
	    d->config->listen_mode, access, cause);
}

static int
daemon_find_queue_access(const struct daemon *d, struct listener_access *access,
    char **cause)
{
	return daemon_find_access(d, "queue-group", d->config->queue_group,
	    d->config->queue_mode, access, cause);
}

int
daemon_check_access(struct daemon *d, char **cause)
{
	struct listener_access access;

	if (daemon_find_listen_access(d, &access, cause) == -1)
		return -1;
	return daemon_find_queue_access(d, &access, cause);
}

void
daemon_remove_sockets(const struct daemon *d)
{
	const char *path;
	size_t i;

	if (d->queue_fd != -1 && d->passed.queue == -1)
		unlink(d->config->queue);
	if (d->options->start != DAEMON_ALONE || d->passed.fcgi_count > 0)
		return;
	for (i = 0; i < d->listen_count; i++)
		if ((path = listener_path(d->config->listen.items[i])) != NULL)
			unlink(path);
}

_Static_assert((int)SYSTEMD_FCGI_MAX == (int)DOOR_LISTENERS_MAX,
    "whatever systemd passes, the door takes");

int
daemon_open_listeners(struct daemon *d, char **cause)
{
	const struct config_list *listen = &d->config->listen;
	struct listener_access access;
	int fd;

	if (d->passed.fcgi_count > 0) {
		d->listen_count = d->passed.fcgi_count;
		memcpy(d->listen_fds, d->passed.fcgi, sizeof d->passed.fcgi);
		return 0;
	}
	if (daemon_find_listen_access(d, &access, cause) == -1)
		return -1;
	if (d->options->start == DAEMON_SPAWNED) {
		if (loop_prepare_fd(STDIN_FILENO) == -1)
			return cause_set(cause, "descriptor 0: %s",
			    strerror(errno));
		d->listen_fds[d->listen_count++] = STDIN_FILENO;
	}
	if (d->options->start != DAEMON_ALONE)
		return 0;
	if (listen->count > DOOR_LISTENERS_MAX)
		return cause_set(cause, "listen: %s", strerror(E2BIG));
	while (d->listen_count < listen->count) {
		fd = listener_open(listen->items[d->listen_count], &access,
		    cause);
		if (fd == -1)
			return -1;
		d->listen_fds[d->listen_count++] = fd;
	}
	return 0;
}

int
daemon_lock(struct daemon *d, char **cause)
{
	const char *queue = d->config->queue;
	char *lock;
	int rc;

	if (daemon_find_queue_access(d, &d->queue_access, cause) == -1)
		return -1;
	if (paths_make_home(queue) == -1)
		return cause_set(cause, "%s: %s", queue, strerror(errno));
	if (listener_make_directory(queue, &d->queue_access, cause) == -1)
		return -1;
	*cause = NULL;
	if (asprintf(&lock, "%s.lock", queue) == -1)
		return -1;
	rc = process_lock(lock, &d->account, cause);
	free(lock);
	return rc;
}

int
daemon_open_queue(struct daemon *d, char **cause)
{
	const struct config *c = d->config;
	const char *file = store_url_file(c->store);

	/* Only root may make a directory that another user is to have. */
	if (file != NULL &&
	    listener_make_directory(file, &d->queue_access, cause) == -1)
		return -1;
	d->fifo_fd = d->passed.fifo;
	if (d->fifo_fd == -1 && *c->fifo != '\0' &&
	    (d->fifo_fd = fifo_open(c->fifo, &d->queue_access, cause)) == -1)
		return -1;
	d->queue_fd = d->passed.queue;
	if (d->queue_fd == -1)
		d->queue_fd = listener_open(c->queue, &d->queue_access, cause);
	if (d->queue_fd != -1)
		return 0;
	if (d->fifo_fd != -1)
		close(d->fifo_fd);
	d->fifo_fd = -1;
	return -1;
}

int
daemon_reopen_queue(struct daemon *d, char **cause)
{
	d->queue_fd = listener_open(d->config->queue, &d->queue_access, cause);
	return d->queue_fd == -1 ? -1 : 0;
}
