/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_PROGRAMS_H
#define CRIER_TESTS_PROGRAMS_H

#include <event2/event.h>

#include "base/buffer.h"
#include "source/program.h"

/*
 * Shell scripts as programs whose output is taken as they are ready.  What goes
 * wrong fails the test.
 */
enum {
	SCRIPTS_WAIT_MS = 60000
};

struct scripts {
	struct event_base *base;
	struct programs *programs;
	size_t descriptors; /* open when it began */
};

/* What one has said, and what became of it. */
struct script {
	struct program *program;
	struct buffer text; /* terminated by scripts_finish */
	uint64_t events;    /* of the last piece of text */
	bool is_over;       /* program_take has nothing more */
	bool is_unread;     /* it is not taken */
	bool is_left;       /* as soon as it is over, as the hub does it */
	unsigned ready;     /* how often it was said to be */
	struct program_result result;
};

/* What a script gets and how its output is taken; NULL: the usual. */
struct script_options {
	const char *body;
	bool is_raw;
	size_t max_line;
	uint64_t max_bytes;
};

void scripts_setup(struct scripts *);

/* Nothing may be left running or open. */
void scripts_teardown(struct scripts *);

void scripts_start(struct scripts *, struct script *, const char *text,
    const struct script_options *);

/* Turns the loop until *flag; fails if it takes very long. */
void scripts_await(struct scripts *, const bool *flag);

/* The same until so many programs are left. */
void scripts_await_count(struct scripts *, size_t count);

/* Turns the loop while there is something to be done at once. */
void scripts_turn(struct scripts *);

/* Awaits its end and leaves it; its text and result are there. */
void scripts_finish(struct scripts *, struct script *);
void scripts_clear(struct script *);

/* All that a script prints must be this; with status. */
void scripts_check(struct scripts *, const char *text,
    const struct script_options *, const char *want, int status);

/* What the log said since; the caller's to free. */
void scripts_catch_log(void);
char *scripts_log(void);

#endif
