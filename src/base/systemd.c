/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/systemd.h"

static void
systemd_no_sockets(struct systemd_sockets *sockets)
{
	*sockets = (struct systemd_sockets){ .queue = -1, .fifo = -1 };
}

/*
 * JOURNAL_STREAM has the stream's device and inode, since a process that
 * inherits the variable may have another standard error.
 */
bool
systemd_has_journal(void)
{
	const char *value = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (value == NULL || fstat(STDERR_FILENO, &st) == -1)
		return false;
	snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(value, ours) == 0;
}

#ifdef HAVE_SYSTEMD

static struct event *systemd_watchdog;

bool
systemd_is_built_in(void)
{
	return true;
}

static int __attribute__((format(printf, 4, 5)))
systemd_refuse(char **cause, int fd, const char *name, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return cause_set(cause, "descriptor %d that was passed (%s): %s", fd,
	    name, why);
}

static int
systemd_take_fifo(struct systemd_sockets *sockets, int fd, const char *name,
    char **cause)
{
	if (sockets->fifo != -1)
		return systemd_refuse(cause, fd, name,
		    "is a second named pipe");
	/*
	 * A pipe that is open for reading alone is at its end whenever the last
	 * writer closes it.
	 */
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return systemd_refuse(cause, fd, name,
		    "the named pipe is not open for reading and writing");
	sockets->fifo = fd;
	return 0;
}

static int
systemd_take_queue(struct systemd_sockets *sockets, int fd, const char *name,
    const char *path, char **cause)
{
	if (sockets->queue != -1)
		return systemd_refuse(cause, fd, name,
		    "is a second socket for the queue");
	if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
		return systemd_refuse(cause, fd, name,
		    "the queue must be a Unix socket");
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) <= 0)
		log_warning("the queue's socket that was passed is not at %s, "
			    "where queue says that programs find it",
		    path);
	sockets->queue = fd;
	return 0;
}

static int
systemd_take_fcgi(struct systemd_sockets *sockets, int fd, const char *name,
    char **cause)
{
	if (sockets->fcgi_count == SYSTEMD_FCGI_MAX)
		return systemd_refuse(cause, fd, name,
		    "more than %d sockets for FastCGI", SYSTEMD_FCGI_MAX);
	sockets->fcgi[sockets->fcgi_count++] = fd;
	return 0;
}

/* A name is a unit's FileDescriptorName=, by default that of the unit. */
static int
systemd_take(struct systemd_sockets *sockets, int fd, const char *name,
    const char *queue_path, char **cause)
{
	if (loop_prepare_fd(fd) == -1)
		return systemd_refuse(cause, fd, name, "%s", strerror(errno));
	if (sd_is_fifo(fd, NULL) > 0)
		return systemd_take_fifo(sockets, fd, name, cause);
	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return systemd_refuse(cause, fd, name,
		    "is neither a listening stream socket nor a named pipe");
	if (strcmp(name, "queue") == 0 ||
	    (strcmp(name, "fcgi") != 0 &&
		sd_is_socket_unix(fd, SOCK_STREAM, 1, queue_path, 0) > 0))
		return systemd_take_queue(sockets, fd, name, queue_path, cause);
	return systemd_take_fcgi(sockets, fd, name, cause);
}

/*
 * Each notice reads NOTIFY_SOCKET, so the variable cannot go at the start like
 * the others.  It goes in children instead, which must not speak for us.
 */
static void
systemd_forget_cb(void)
{
	unsetenv("NOTIFY_SOCKET");
}

int
systemd_take_sockets(const char *queue_path, struct systemd_sockets *sockets,
    char **cause)
{
	char **names = NULL;
	int i, count, rc = 0;

	pthread_atfork(NULL, NULL, systemd_forget_cb);
	systemd_no_sockets(sockets);
	count = sd_listen_fds_with_names(1, &names);
	if (count < 0)
		rc = cause_set(cause,
		    "the sockets that LISTEN_FDS announces: %s",
		    strerror(-count));
	for (i = 0; rc == 0 && i < count; i++)
		rc = systemd_take(sockets, SD_LISTEN_FDS_START + i, names[i],
		    queue_path, cause);
	for (i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return rc;
}

bool
systemd_is_manager(const struct systemd_sockets *sockets)
{
	const char *notify = getenv("NOTIFY_SOCKET");

	return (notify != NULL && *notify != '\0') || sockets->fcgi_count > 0 ||
	    sockets->queue != -1 || sockets->fifo != -1;
}

void
systemd_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
systemd_reloading(void)
{
	/* The time tells this reload from one that was asked for before. */
	sd_notifyf(0,
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
	    "\nSTATUS=reading the configuration again",
	    clock_monotonic_us());
}

void
systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=saying good-bye to the streams");
}

static void
systemd_watchdog_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

int
systemd_watchdog_start(struct event_base *base)
{
	uint64_t usec = 0;
	struct timeval half;
	int rc = sd_watchdog_enabled(1, &usec);

	if (rc < 0)
		log_warning("WATCHDOG_USEC: %s, no watchdog", strerror(-rc));
	if (rc <= 0)
		return 0;
	half.tv_sec = (time_t)(usec / 2 / 1000000);
	half.tv_usec = (suseconds_t)(usec / 2 % 1000000);
	systemd_watchdog =
	    event_new(base, -1, EV_PERSIST, systemd_watchdog_cb, NULL);
	if (systemd_watchdog == NULL)
		return -1;
	return event_add(systemd_watchdog, &half);
}

void
systemd_watchdog_stop(void)
{
	if (systemd_watchdog != NULL)
		event_free(systemd_watchdog);
	systemd_watchdog = NULL;
}

#else

bool
systemd_is_built_in(void)
{
	return false;
}

int
systemd_take_sockets(const char *queue_path, struct systemd_sockets *sockets,
    char **cause)
{
	const char *pid = getenv("LISTEN_PID");

	(void)queue_path;
	(void)cause;
	systemd_no_sockets(sockets);
	if (pid != NULL && strtol(pid, NULL, 10) == (long)getpid())
		log_warning("sockets were passed, but this crierd was built "
			    "without libsystemd: opening its own");
	return 0;
}

bool
systemd_is_manager(const struct systemd_sockets *sockets)
{
	(void)sockets;
	return false;
}

void
systemd_ready(const char *status)
{
	(void)status;
}

void
systemd_reloading(void)
{
}

void
systemd_stopping(void)
{
}

int
systemd_watchdog_start(struct event_base *base)
{
	(void)base;
	return 0;
}

void
systemd_watchdog_stop(void)
{
}

#endif
