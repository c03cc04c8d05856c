/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The sockets and the pipe: opened with the right owner, or taken from the
 * service manager; the lock beside the queue; and their files removed again.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/state.h"
#include "protocol/paths.h"
#include "protocol/store_url.h"
#include "queue/fifo.h"

static int
sockets_find_access(const struct daemon *d, const char *setting,
    const char *group, mode_t mode, struct listener_access *access,
    char **cause)
{
	char where[CONFIG_WHERE_SIZE];

	if (process_find_group(group, &access->group, cause) == -1) {
		config_where(d->config, d->options->file, setting, where);
		return cause_prefix(cause, "%s%s: ", where, setting);
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
sockets_find_listen_access(const struct daemon *d,
    struct listener_access *access, char **cause)
{
	return sockets_find_access(d, "listen-group", d->config->listen_group,
	    (mode_t)d->config->listen_mode, access, cause);
}

static int
sockets_find_queue_access(const struct daemon *d,
    struct listener_access *access, char **cause)
{
	return sockets_find_access(d, "queue-group", d->config->queue_group,
	    (mode_t)d->config->queue_mode, access, cause);
}

int
sockets_check_access(struct daemon *d, char **cause)
{
	struct listener_access access;

	if (sockets_find_listen_access(d, &access, cause) == -1)
		return -1;
	return sockets_find_queue_access(d, &access, cause);
}

void
sockets_init(struct daemon_sockets *s)
{
	*s = (struct daemon_sockets){ .queue = -1,
		.fifo = -1,
		.lock = -1,
		.passed = { .queue = -1, .fifo = -1 } };
}

int
sockets_take_passed(struct daemon *d, char **cause)
{
	return systemd_take_sockets(d->config->queue, &d->sockets.passed,
	    cause);
}

void
sockets_remove(const struct daemon *d)
{
	const struct daemon_sockets *s = &d->sockets;
	const char *path;
	size_t i;

	if (s->queue != -1 && s->passed.queue == -1)
		unlink(d->config->queue);
	if (d->options->start != DAEMON_ALONE || s->passed.fcgi_count > 0)
		return;
	for (i = 0; i < s->listener_count; i++)
		if ((path = listener_path(d->config->listen.items[i])) != NULL)
			unlink(path);
}

_Static_assert((int)SYSTEMD_FCGI_MAX == (int)DOOR_LISTENERS_MAX,
    "whatever systemd passes, the door takes");

int
sockets_open_listeners(struct daemon *d, char **cause)
{
	const struct config_list *listen = &d->config->listen;
	struct daemon_sockets *s = &d->sockets;
	struct listener_access access;
	int fd;

	if (s->passed.fcgi_count > 0) {
		s->listener_count = s->passed.fcgi_count;
		memcpy(s->listeners, s->passed.fcgi, sizeof s->passed.fcgi);
		return 0;
	}
	if (sockets_find_listen_access(d, &access, cause) == -1)
		return -1;
	if (d->options->start == DAEMON_SPAWNED) {
		if (loop_prepare_fd(STDIN_FILENO) == -1)
			return cause_set(cause, "descriptor 0: %s",
			    strerror(errno));
		s->listeners[s->listener_count++] = STDIN_FILENO;
	}
	if (d->options->start != DAEMON_ALONE)
		return 0;
	if (listen->count > DOOR_LISTENERS_MAX)
		return cause_set(cause, "listen: %s", strerror(E2BIG));
	while (s->listener_count < listen->count) {
		fd = listener_open(listen->items[s->listener_count], &access,
		    cause);
		if (fd == -1)
			return -1;
		s->listeners[s->listener_count++] = fd;
	}
	return 0;
}

int
sockets_lock(struct daemon *d, char **cause)
{
	struct listener_access *access = &d->sockets.queue_access;
	const char *queue = d->config->queue;
	char *lock;
	int rc;

	if (sockets_find_queue_access(d, access, cause) == -1)
		return -1;
	if (paths_make_home(queue) == -1)
		return process_cannot(queue, "", 0, errno, cause);
	if (listener_make_directory(queue, access, cause) == -1)
		return -1;
	*cause = NULL;
	if (asprintf(&lock, "%s.lock", queue) == -1)
		return -1;
	rc = process_lock(lock, &d->account, &d->sockets.lock, cause);
	free(lock);
	return rc;
}

/* The store's line of a note: what follows the first line's end. */
static const char *
sockets_noted_store(char *note)
{
	char *end = strchr(note, '\n');

	if (end == NULL)
		return "";
	*end++ = '\0';
	end[strcspn(end, "\n")] = '\0';
	return end;
}

void
sockets_note_hub(const struct daemon *d)
{
	const char *file = d->options->file == NULL ? "" : d->options->file;
	char note[2 * PATH_MAX], *text = NULL;
	ssize_t n = pread(d->sockets.lock, note, sizeof note - 1, 0);
	const char *store;
	int len;

	note[n > 0 ? n : 0] = '\0';
	store = sockets_noted_store(note);
	if (*store != '\0' && strcmp(store, d->store_url) != 0 &&
	    d->options->start != DAEMON_ALONE)
		log_warning("the last crierd at %s had its history in %s "
			    "(configuration %s), this one has %s "
			    "(configuration %s): is CRIER_CONF missing?",
		    d->config->queue, store, *note == '\0' ? "none" : note,
		    d->store_url, *file == '\0' ? "none" : file);
	len = asprintf(&text, "%s\n%s\n", file, d->store_url);
	if (len == -1)
		return;
	/* Without the note a later mistake is not noticed, and that is all. */
	if (ftruncate(d->sockets.lock, 0) == -1 ||
	    pwrite(d->sockets.lock, text, (size_t)len, 0) == -1)
		log_debug("the lock's file takes no note");
	free(text);
}

int
sockets_open_queue(struct daemon *d, char **cause)
{
	const struct config *c = d->config;
	const char *file = store_url_file(c->store);
	struct daemon_sockets *s = &d->sockets;

	/* Only root may make a directory that another user is to have. */
	if (file != NULL &&
	    listener_make_directory(file, &s->queue_access, cause) == -1)
		return -1;
	s->fifo = s->passed.fifo;
	if (s->fifo == -1 && *c->fifo != '\0' &&
	    (s->fifo = fifo_open(c->fifo, &s->queue_access, cause)) == -1)
		return -1;
	s->queue = s->passed.queue;
	if (s->queue == -1)
		s->queue = listener_open(c->queue, &s->queue_access, cause);
	if (s->queue != -1)
		return 0;
	if (s->fifo != -1)
		close(s->fifo);
	s->fifo = -1;
	return -1;
}

int
sockets_reopen_queue(struct daemon *d, char **cause)
{
	struct daemon_sockets *s = &d->sockets;

	s->queue = listener_open(d->config->queue, &s->queue_access, cause);
	return s->queue == -1 ? -1 : 0;
}
