/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_PUB_COMMAND_H
#define CRIER_COMPANION_PUB_COMMAND_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"

/* The command of `crier pub -c`, one at a time. */
struct pub_command {
	pid_t pid; /* and its process group; 0: not started, or collected */
	int fd;    /* what it prints; -1: none */
	uint64_t begun_ms;
};

/*
 * Starts the command with /bin/sh, in a process group of its own, which from
 * here on gets the signals that would end this process.  0, or the exit code
 * after a message.
 */
int pub_command_start(struct pub_command *, const char *text);

/*
 * Waits for the command's end and appends an object of JSON with its status and
 * the seconds that it took.  0, or -1 with errno.
 */
int pub_command_finish(struct pub_command *, struct buffer *to);

/*
 * Lets the command run to its end, although nobody wants what it prints.  Does
 * nothing if it was waited for already.
 */
void pub_command_drop(struct pub_command *);

#endif
