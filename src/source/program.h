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
#include "protocol/event.h"

/*
 * Programs whose output goes to the one client that asked for it.  Each has a
 * process group of its own, which ends when the client leaves or the program
 * itself ends.  A program's output is read only when the last piece was taken,
 * so a client that does not read holds up its program and nothing else.
 */

/* All programs of one process. */
struct programs;

struct programs *programs_new(struct event_base *);

/* Kills the programs that are left, at once, and frees all. */
void programs_free(struct programs *);

size_t programs_count(const struct programs *);

/* From now on what programs leave behind is this process's to reap (kin.h). */
void programs_adopt(struct programs *);

/* Calls back when the last program has ended. */
void programs_wait(struct programs *, void (*ended_cb)(void *arg), void *arg);

struct program_options {
	const char *name;  /* for the log */
	char *const *argv; /* argv[0] is a path */
	char *const *envp;
	const char *directory; /* NULL: crierd's */
	struct text_span body; /* its standard input */
	bool is_raw;           /* it writes event-stream text itself */
	size_t max_line;       /* bytes of one event's data */
	uint64_t max_bytes;    /* of all its output; 0: no limit */
	/*
	 * Gets the events of its output, instead of program_take the records;
	 * NULL: it is program_take's.  0, or -1 (memory).
	 */
	int (*put)(void *arg, const struct event_fields *);
};

/*
 * Starts a program.  ready_cb is called when program_take has something to say.
 * NULL with errno: the program cannot be started.
 */
struct program;
struct program *program_start(struct programs *, const struct program_options *,
    void (*ready_cb)(void *arg), void *arg);

/*
 * Moves the output that there is, in whole records, to the buffer's end, and
 * asks the program for more.  1: there was some, with so many *events; 0: none
 * now; -1: none will come any more.
 */
int program_take(struct program *, struct buffer *, uint64_t *events);

/*
 * If it has a put, whose events ready_cb announces: asks the program for more.
 * 0: that is put when it is there, but some may have been put already; -1: none
 * will come any more.
 */
int program_go_on(struct program *);

/* Asks the group to end, and kills it later; its output is still read. */
void program_stop(struct program *);

/* What became of a program; false: it has not ended. */
struct program_result {
	int status, signal; /* signal 0: none */
	double seconds;
	bool is_cut; /* ended at max_bytes */
};
bool program_get_result(const struct program *, struct program_result *);

/* The client is gone: the group is asked to end, then killed, and freed. */
void program_leave(struct program *);

#endif
