/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DAEMON_DAEMON_H
#define CRIER_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/*
 * A crierd that stays: its sockets, the order of starting and stopping, its
 * signals, and its role.  One process for a queue is the hub; the lock beside
 * the queue's socket says which.  Of several that a process manager started,
 * the others are doors, and one of them becomes the hub when it has ended.
 */

enum {
	DAEMON_OVERRIDES_MAX = 64
};

/* How the process was started. */
enum daemon_start {
	DAEMON_ALONE,    /* by a person or an init system: it is the hub */
	DAEMON_SPAWNED,  /* by a web server: descriptor 0 is listening */
	DAEMON_ON_DEMAND /* by one that needs a hub: leaves when idle */
};

struct daemon_options {
	const char *file;
	struct config_override overrides[DAEMON_OVERRIDES_MAX];
	size_t override_count;
	bool foreground;
	enum daemon_start start;
	int argc;     /* how the process was started, for a restart */
	char **argv;  /* these are borrowed */
	bool is_once; /* hands a stream over and leaves; never the hub */
};

/*
 * Runs until it is told to end; the exit status.  Takes the configuration.
 * What is wrong at the start goes to the log, and the process exits with 1.
 */
int daemon_run(const struct daemon_options *, struct config *);

/*
 * Whether the configuration is one that can hold on this machine: its users and
 * groups exist, and the user whom a crierd that root starts becomes can read
 * it, for which this process becomes that user, too.  0 after warning of what
 * is doubtful, or -1 with *cause.
 */
int daemon_check(const struct daemon_options *, struct config *, char **cause);

#endif
