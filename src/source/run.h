/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_RUN_H
#define CRIER_SOURCE_RUN_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/quantity.h"
#include "hub/hub.h"
#include "hub/run.h"
#include "source/program.h"

/*
 * Programs whose output becomes the events of a channel, and which do not need
 * their clients (hub/run.h).  A program is read when what it printed before is
 * in the history: a slow store holds it up, a slow reader does not.
 */

/* All runs of one process, which is the hub's. */
struct runs;

struct runs *runs_new(struct event_base *, struct hub *, struct programs *);
void runs_free(struct runs *);

struct hub *runs_hub(const struct runs *);
struct programs *runs_programs(const struct runs *);

/*
 * Sees to the runs that an earlier crierd has left: their channels are told, or
 * again is called with what was noted of one, which it may begin anew: 0; or
 * -1: it is not.
 */
void runs_recover(struct runs *,
    int (*again)(struct runs *, const struct hub_run_options *,
	struct json_object *note));

/* Whoever waits for decided is called: crierd has ended. */
void runs_decide(struct runs *);

/* crierd ends: so do all runs, and their channels are told. */
void runs_interrupt(struct runs *);

struct run_options {
	struct program_options program; /* put is the run's */
	struct text_span channel;
	struct text_span key;
	const char *user; /* who has begun it, or "" */
	struct id begin;  /* of hub_run_position */
	uint64_t time_ms; /* 0: no limit */
	uint64_t linger_ms;
	const char *end_event, *end_data; /* data NULL: how it ended */
	struct json_object *again;        /* with run-again: how; else NULL */
	uint64_t attempt;                 /* from 1 on */
	/*
	 * NULL, or what is called with arg when other nodes have let the run
	 * begin, or not: 0, or an errno as of run_start.
	 */
	void (*decided)(void *arg, int error);
	void *arg;
};

/*
 * Begins a run in a channel without one.  0; 1: decided is called, at once or
 * later; or -1 with errno: the program cannot be started, EBUSY: another node
 * has a run in the channel, EAGAIN: nobody knows whether one has, ENOTCONN: the
 * store that has to be asked first is away.
 */
int run_start(struct runs *, const struct run_options *);

#endif
