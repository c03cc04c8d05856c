/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_RUN_H
#define CRIER_HUB_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/text.h"
#include "protocol/event.h"
#include "protocol/id.h"

struct hub;

/*
 * A run is a program whose output becomes the events of a channel.  Whoever has
 * the program (source/run.h) publishes by it; the hub knows where in the
 * channel it begins and ends, so that one runs at a time, whoever comes gets it
 * from its beginning, and whoever has seen its end is told to stop.
 *
 * A run that has ended is remembered for as long as publishers' keys are
 * (key-seconds), of the last RUNS_MAX.
 */
struct hub_run;

enum {
	RUNS_MAX = 16384
};

/* Whether a run is this node's, where several share the store. */
enum hub_run_claimed {
	HUB_RUN_OURS,
	HUB_RUN_TAKEN,  /* another node runs one in its channel */
	HUB_RUN_UNKNOWN /* the store is away: nobody knows */
};

/* What the hub has whoever has the program do. */
struct hub_run_hooks {
	/*
	 * What became of the events that were published in one turn: the first
	 * so many are in the history, up to this id.  why is NULL, or why the
	 * others are not; they may be published again.
	 */
	void (*committed)(void *arg, size_t accepted, struct id last,
	    const char *why);
	/* So many streams follow the channel: the first, or none any more. */
	void (*followed)(void *arg, size_t streams);
	/* What became of its claim (hub_run_claim). */
	void (*claimed)(void *arg, enum hub_run_claimed);
	/* It is to end (hub_run_stop). */
	void (*stopped)(void *arg);
	/*
	 * It is not this node's any more, and its end is told by another: to be
	 * ended with hub_run_lose.
	 */
	void (*lost)(void *arg);
};

struct hub_run_options {
	struct text_span channel; /* of which no run is going on */
	struct text_span key;     /* so that it is not run again; or len 0 */
	const char *user;         /* who has begun it, or "" */
	struct id begin;          /* of hub_run_position */
	/*
	 * What whoever has the program wants to know if crierd is killed: an
	 * object in JSON.
	 */
	const char *note;
	const struct hub_run_hooks *hooks;
	void *arg;
};

/* An id for a run that begins now: all of its events come behind it. */
struct id hub_run_position(struct hub *);

/* A run that is going on, or NULL (memory). */
struct hub_run *hub_run_begin(struct hub *, const struct hub_run_options *);

/* Whether runs must be claimed, for there are other nodes. */
bool hub_run_must_claim(const struct hub *);

/*
 * Asks for the channel, for which one node has a run at a time, until it has
 * ended or the node is gone; end_event is what another node then says.  The
 * hook is called, at once or later.
 */
void hub_run_claim(struct hub_run *, const char *end_event);

/*
 * Another node has told of the run's end.  As with hub_run_end, the hooks are
 * not called any more; its streams follow on, for that event is yet to come.
 */
void hub_run_lose(struct hub_run *);

/* The run never was; its streams end if ends_streams, else they follow on. */
void hub_run_cancel(struct hub_run *, bool ends_streams);

/*
 * Has the run publish an event, in this turn: it is the caller's to end that
 * with hub_run_end_turn.  is_end: it is crier's own, of the run's end.  NULL;
 * or why not, with a code of sysexits(3).
 */
const char *hub_run_publish(struct hub_run *, const struct event_fields *,
    bool is_end, int *code);

/* Sees that this turn ends with hub_commit. */
void hub_run_end_turn(struct hub_run *);

/* The run has ended, with the event of this id, and its hooks are not called
 * any more. */
void hub_run_end(struct hub_run *, struct id end);

/*
 * Publishes the event of the run's end, unless it is NULL, and does not wait
 * for what becomes of it: the hub is about to end.  As above, the hooks are not
 * called any more.
 */
void hub_run_break(struct hub_run *, const struct event_fields *end);

/*
 * The run of a channel, going on or the last one; the run of a channel that was
 * begun with a key.  NULL: none is known.
 */
struct hub_run *hub_run_find(struct hub *, struct text_span channel);
struct hub_run *
hub_run_find_key(struct hub *, struct text_span channel, struct text_span key);

/* Counts a request that was given a run that is there, or refused for it. */
void hub_run_count(struct hub *, bool is_busy);

bool hub_run_is_going(const struct hub_run *);
struct id hub_run_begin_id(const struct hub_run *);
struct id hub_run_end_id(const struct hub_run *);
const char *hub_run_channel(const struct hub_run *);
size_t hub_run_streams(const struct hub_run *);

/*
 * Has the run of a channel ended, unless user is not NULL and somebody else has
 * begun it.  One that still waits for its claim is never started.  1; 0: none
 * is going on here; -1: it is another's.
 */
int hub_run_stop(struct hub *, struct text_span channel, const char *user);

/*
 * Reads what the store knows of runs before this crierd; of each that did not
 * end by itself the caller is told, with what was noted.
 */
void hub_run_recover(struct hub *,
    void (*interrupted)(void *arg, const struct hub_run_options *,
	struct json_object *note),
    void *arg);

/*
 * Adds "run_list": what runs here and does not only wait for its claim, the
 * longest first, at most RUNS_LISTED.
 */
enum {
	RUNS_LISTED = 1000
};
void hub_run_list(const struct hub *, uint64_t limit, struct json_object *);

#endif
