/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_RUN_PART_H
#define CRIER_SOURCE_RUN_PART_H

#include "base/list.h"
#include "base/log.h"
#include "source/run.h"
#include "source/run_flight.h"

/* What run.c, run_sweep.c, run_interrupt.c and run_recover.c have in common. */

/* What all that a run's program starts has in its environment. */
#define RUN_MARK "CRIER_RUN="

/* Why a run has ended, or is to end. */
enum run_reason {
	RUN_ENDED, /* by itself */
	RUN_STOPPED,
	RUN_TIMEOUT,   /* run-time */
	RUN_CUT,       /* run-bytes */
	RUN_FAILED,    /* its program cannot be started */
	RUN_ABANDONED, /* nobody followed it for run-linger */
	RUN_INTERRUPTED
};

struct run {
	TAILQ_ENTRY(run) link;
	struct runs *runs;
	struct hub_run *hub_run;
	struct program *program;
	struct run_flight flight;
	size_t published; /* of the flight, in this turn's batch or the store */
	bool is_stuck;    /* what is not published waits for `again` */
	bool is_ending;   /* in flight is its end */
	bool is_refused;  /* by the store, as the log has it */
	struct log_limit refused_log;
	enum run_reason reason;
	uint64_t linger_ms;
	struct program_options *waits; /* for its claim; or NULL */
	bool is_claiming, is_denied;   /* within run_start */
	int claims;                    /* that another node had */
	void (*decided)(void *, int);  /* until it is; or NULL */
	void *arg;
	bool is_again; /* the next crierd runs it again */
	struct event *limit, *linger, *again;
	char *end_event, *end_data;
};

struct runs {
	struct event_base *base;
	struct hub *hub;
	struct programs *programs;
	TAILQ_HEAD(runs_head, run) list;
	struct event *kin; /* see runs_sweep */
};

/* run: takes what options say of the run itself; 0, or -1 (memory). */
int run_prepare(struct run *, const struct run_options *);

/* run: has the hub know of it; the last step that may fail.  0, or -1. */
int run_enroll(struct run *, const struct run_options *);

/*
 * run_note: makes what the next crierd is to know if this one is killed; the
 * caller's, or NULL (memory).
 */
char *run_note_make(const struct run_options *);

/* run: appends the data of the event that ends it; 0, or -1 (memory). */
int run_put_result(const struct run *, struct buffer *);

/* run: publishes the event that ends it.  Without memory for it, later. */
void run_end(struct run *);

void run_free(struct run *);

/*
 * run_sweep: kills what ended programs have left behind in sessions of their
 * own.  What that has started meanwhile is found a little later.
 */
void runs_sweep(struct runs *);
void runs_kin_cb(evutil_socket_t, short, void *);

#endif
