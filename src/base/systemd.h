/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_SYSTEMD_H
#define CRIER_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

/*
 * The service manager that started us, if it did: the sockets that it opened
 * (sd_listen_fds(3)) and what it wants to hear (sd_notify(3)).  Built without
 * libsystemd, or started by something else, all of this does nothing.
 */

enum {
	SYSTEMD_FCGI_MAX = 16
};

/*
 * The sockets that were passed, non-blocking and close-on-exec.  They stay the
 * manager's: we neither remove their files nor change the files' owners.
 */
struct systemd_sockets {
	int fcgi[SYSTEMD_FCGI_MAX]; /* listening for web servers */
	size_t fcgi_count;
	int queue; /* the queue's listening Unix socket, or -1 */
	int fifo;  /* the named pipe, open for reading and writing, or -1 */
};

/* Whether this crierd was built with libsystemd. */
bool systemd_is_built_in(void);

/*
 * Takes what was passed, and removes the environment that says so.  A named
 * pipe is the pipe; a socket named "queue", or, unless it is named "fcgi", one
 * at queue_path, is the queue; any other is for FastCGI.  0, also with nothing;
 * or -1 with *cause, the caller's, if something cannot be used.
 */
int systemd_take_sockets(const char *queue_path, struct systemd_sockets *,
    char **cause);

/*
 * Whether a manager watches this very process, and so expects it to stay:
 * it passed these sockets, or waits for notices.
 */
bool systemd_is_manager(const struct systemd_sockets *);

/* Whether standard error is a stream of the journal's (JOURNAL_STREAM). */
bool systemd_has_journal(void);

/*
 * All is set up, at the start or after systemd_reloading.  The status is one
 * line for people.
 */
void systemd_ready(const char *status);
void systemd_reloading(void);
void systemd_stopping(void);

/*
 * Says that the loop turns, twice in each interval that the manager waits
 * (WatchdogSec=), if it does.  0, or -1: no memory.
 */
int systemd_watchdog_start(struct event_base *);

/* To be called before the loop's base is freed. */
void systemd_watchdog_stop(void);

#endif
