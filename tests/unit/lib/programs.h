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
	PROGRAMS_WAIT_MS = 60000
};

struct programs {
	struct event_base *base;
	struct runs *runs;
	size_t descriptors; /* open when it began */
};

/* What one has said, and what became of it. */
struct program {
	struct run *run;
	struct buffer text; /* terminated by programs_finish */
	bool is_over;       /* run_take has nothing more */
	bool is_unread;     /* it is not taken */
	bool is_left;       /* as soon as it is over, as the hub does it */
	unsigned ready;     /* how often it was said to be */
	struct run_result result;
};

/* What a script gets and how its output is taken; NULL: the usual. */
struct program_options {
	const char *body;
	bool is_raw;
	size_t max_line;
	uint64_t max_bytes;
};

void programs_setup(struct programs *);

/* Nothing may be left running or open. */
void programs_teardown(struct programs *);

void programs_start(struct programs *, struct program *, const char *script,
    const struct program_options *);

/* Turns the loop until *flag; fails if it takes very long. */
void programs_await(struct programs *, const bool *flag);

/* The same until so many programs are left. */
void programs_await_count(struct programs *, size_t count);

/* Turns the loop while there is something to be done at once. */
void programs_turn(struct programs *);

/* Awaits its end and leaves it; its text and result are there. */
void programs_finish(struct programs *, struct program *);
void programs_clear(struct program *);

/* All that a script prints must be this; with status. */
void programs_check(struct programs *, const char *script,
    const struct program_options *, const char *want, int status);

/* What the log said since; the caller's to free. */
void programs_catch_log(void);
char *programs_log(void);

#endif
