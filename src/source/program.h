/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_H
#define CRIER_SOURCE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/buffer.h"
#include "base/text.h"

/*
 * Programs whose output goes to the one client that asked for it.  Each has a
 * process group of its own, which ends when the client leaves or the program
 * itself ends.  Its output is only read when the last of it was taken, so that
 * a client that does not read holds up its program and nothing else.
 */

/* All programs of one process. */
struct runs;

struct runs *runs_new(struct event_base *);

/* Kills what is left, at once. */
void runs_free(struct runs *);

size_t runs_count(const struct runs *);

/* Calls back when the last of them has ended. */
void runs_wait(struct runs *, void (*ended_cb)(void *arg), void *arg);

struct run_options {
	const char *name;  /* for the log */
	char *const *argv; /* argv[0] is a path */
	char *const *envp;
	struct text_span body; /* its standard input */
	bool is_raw;           /* it writes event-stream text itself */
	size_t max_line;       /* bytes of one event's data */
	uint64_t max_bytes;    /* of all its output; 0: no limit */
};

/*
 * Starts a program; ready_cb when run_take has something to say.  NULL with
 * *cause, the caller's: it cannot be started.
 */
struct run;
struct run *run_start(struct runs *, const struct run_options *,
    void (*ready_cb)(void *arg), void *arg, char **cause);

/*
 * Moves what there is, whole records, to the buffer's end and asks for more.
 * 1: there was something; 0: nothing now; -1: nothing will come any more.
 */
int run_take(struct run *, struct buffer *);

/* What became of it; false: it has not ended. */
struct run_result {
	int status, signal; /* signal 0: none */
	double seconds;
	bool is_cut; /* ended at max_bytes */
};
bool run_get_result(const struct run *, struct run_result *);

/* The client is gone: the program's group is asked to end, then killed. */
void run_leave(struct run *);

#endif
