/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LISTENER_H
#define CRIER_BASE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include <event2/event.h>

/* Who may use a Unix socket or a named pipe. */
struct listener_access {
	mode_t mode;
	uid_t owner; /* (uid_t)-1: who we are */
	gid_t group; /* (gid_t)-1: the owner's */
};

/*
 * A listening, non-blocking socket for `unix:PATH`, `tcp:HOST:PORT` or a bare
 * path.  The socket that a dead process left at PATH is replaced; one that
 * somebody listens on, or a file that is no socket, never is.  Missing
 * directories right above PATH are made.  -1 with *cause, the caller's.
 */
int listener_open(const char *address, const struct listener_access *,
    char **cause);

/* Makes the directory that a path lies in, owned as the path will be. */
int listener_make_directory(const char *path, const struct listener_access *,
    char **cause);

/* The path of a Unix address, or NULL for a TCP one. */
const char *listener_path(const char *address);

/* Whether this descriptor is a listening stream socket. */
bool listener_is_listening(int fd);

/*
 * Accepts connections and hands each over, non-blocking and close-on-exec.  Out
 * of descriptors the listener rests for a while instead of spinning.
 */
struct listener;
struct listener *listener_new(struct event_base *, int fd,
    void (*accept_cb)(void *arg, int fd), void *arg);

/* Stops and closes the socket. */
void listener_free(struct listener *);

#endif
