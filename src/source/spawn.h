/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_SPAWN_H
#define CRIER_SOURCE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

/* A process, and our ends of the pipes that it writes to. */
struct spawn_process {
	pid_t pid; /* and process group; 0: none */
	int out_fd, err_fd;
};

struct spawn_options {
	char *const *argv, *const *envp; /* argv[0] is a path */
	struct text_span input;
	const char *directory; /* NULL: this process's */
	bool dies_with_us;     /* it is killed if this process ends, anyhow */
};

/*
 * Starts argv[0], a path, in a process group of its own, with no signal blocked
 * or ignored, with the limit of descriptors and the mask that this one was
 * started with, and with this input.  Our ends of its pipes are non-blocking;
 * its own are not, for it does not expect that.  0, or -1 with errno; in both
 * cases what there is of the process is the caller's.
 */
int spawn_process(struct spawn_process *, const struct spawn_options *);

#endif
