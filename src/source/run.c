/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "source/program_copy.h"
#include "source/run_part.h"

/*
 * A run: a program, and what it prints on its way into a channel.
 *
 * 1. The program's output is read, a piece at a time.  Its events are published
 *    in this turn (run_put), and a copy of each is in the flight.
 * 2. The program is not read again until the store has them (run_committed).
 *    So while one batch is on its way the pipe gathers the next, and the busier
 *    the store, the larger the batches.
 * 3. What the store refuses for now, a full disk, is published again a second
 *    later: the program waits meanwhile, and nothing is lost.
 * 4. When the program has ended and all that it printed is in the history, its
 *    end is published in the same way; with that the run is over.
 */

enum {
	RUN_AGAIN_MS = 1000,
	RUN_CLAIMS = 3, /* times that a channel is claimed again */
	RUN_CLAIM_MS = 50
};

static const char *const run_reasons[] = {
	[RUN_ENDED] = "ended",
	[RUN_STOPPED] = "stopped",
	[RUN_TIMEOUT] = "timeout",
	[RUN_CUT] = "cut",
	[RUN_FAILED] = "failed",
	[RUN_ABANDONED] = "abandoned",
	[RUN_INTERRUPTED] = "interrupted",
};

/* Tells whoever waits for it, once, what became of the run's claim. */
static void
run_decide(struct run *run, int error)
{
	void (*decided)(void *, int) = run->decided;

	run->decided = NULL;
	if (decided != NULL)
		decided(run->arg, error);
}

void
run_free(struct run *run)
{
	run_decide(run, EAGAIN);
	TAILQ_REMOVE(&run->runs->list, run, link);
	if (run->program != NULL)
		program_leave(run->program);
	if (run->limit != NULL)
		event_free(run->limit);
	if (run->linger != NULL)
		event_free(run->linger);
	if (run->again != NULL)
		event_free(run->again);
	run_flight_clear(&run->flight);
	program_copy_free(run->waits);
	free(run->end_event);
	free(run->end_data);
	free(run);
}

/*
 * Asks the program to end, or has it not begun (run_claimed); its first reason
 * is the one that counts.
 */
static void
run_stop(struct run *run, enum run_reason reason)
{
	struct program_result result;

	if (run->reason != RUN_ENDED || run->is_ending)
		return;
	if (run->program != NULL && program_get_result(run->program, &result))
		return;
	run->reason = reason;
	if (run->program != NULL)
		program_stop(run->program);
}

/*
 * Publishes the event at *at in the flight, and moves *at behind it; false: it
 * is stuck, or there is none.  One that will never be taken, for max-event is
 * less by now or the store is too small, must not hold up the others: it is
 * left out.
 */
static bool
run_publish(struct run *run, size_t *at)
{
	size_t before = *at;
	struct event_fields e;
	const char *why;
	int code;

	if (!run_flight_next(&run->flight, at, &e))
		return false;
	why = hub_run_publish(run->hub_run, &e, run->is_ending, &code);
	if (why != NULL && code == EX_DATAERR) {
		log_warning("run %s: an event of its output is left out: %s",
		    hub_run_channel(run->hub_run), why);
		run_flight_remove(&run->flight, before, at);
		return true;
	}
	run->is_stuck = why != NULL;
	run->published += why == NULL;
	return why == NULL;
}

/* Has what is stuck published again. */
static void
run_try_again(struct run *run)
{
	loop_set_timer(run->again, RUN_AGAIN_MS);
}

/* Publishes the whole flight, of which nothing is published. */
static void
run_publish_flight(struct run *run)
{
	size_t at = 0;

	run->is_stuck = false;
	while (run_publish(run, &at))
		;
	if (run->published > 0)
		hub_run_end_turn(run->hub_run);
	else if (run->is_stuck)
		run_try_again(run);
}

static int
run_put(void *arg, const struct event_fields *e)
{
	struct run *run = arg;
	size_t at = run->flight.bytes.len;

	if (run_flight_add(&run->flight, e) == -1)
		return -1;
	if (!run->is_stuck)
		run_publish(run, &at);
	return 0;
}

int
run_put_result(const struct run *run, struct buffer *b)
{
	struct json_object *o = json_object_new_object();
	struct program_result result;
	const char *reason = run_reasons[run->reason];
	char seconds[32];

	json_add_string(o, "reason", reason);
	if (run->program != NULL && program_get_result(run->program, &result)) {
		if (result.signal > 0)
			json_add_number(o, "signal", (uint64_t)result.signal);
		else
			json_add_number(o, "status", (uint64_t)result.status);
		snprintf(seconds, sizeof seconds, "%.3f", result.seconds);
		json_add(o, "seconds",
		    json_object_new_double_s(result.seconds, seconds));
	}
	return json_append(b, o);
}

void
run_end(struct run *run)
{
	struct event_fields e = { .name = run->end_event,
		.name_len = strlen(run->end_event),
		.retry_ms = EVENT_RETRY_NONE };
	struct program_result result;
	struct buffer b = { 0 };
	int rc = 0;

	runs_sweep(run->runs);
	if (run->reason == RUN_ENDED &&
	    program_get_result(run->program, &result) && result.is_cut)
		run->reason = RUN_CUT;
	if (run->end_data == NULL)
		rc = run_put_result(run, &b);
	e.data = run->end_data == NULL ? b.data : run->end_data;
	e.data_len = run->end_data == NULL ? b.len : strlen(run->end_data);
	if (rc == 0 && run_flight_add(&run->flight, &e) == 0) {
		run->is_ending = true;
		run_publish_flight(run);
	} else {
		run_try_again(run);
	}
	buffer_clear(&b);
}

/* The store has all that was published: goes on, or ends. */
static void
run_step(struct run *run)
{
	int got = program_go_on(run->program);

	if (run->published > 0)
		hub_run_end_turn(run->hub_run);
	else if (run->is_stuck)
		run_try_again(run);
	else if (got == -1)
		run_end(run);
}

/* The program has put events, or has ended. */
static void
run_ready_cb(void *arg)
{
	struct run *run = arg;

	hub_now(run->runs->hub);
	if (run->flight.count == 0)
		run_step(run);
	else if (run->published > 0)
		hub_run_end_turn(run->hub_run);
	else if (run->is_stuck)
		run_try_again(run);
}

/* It does not begin: another node has a run in its channel, or nobody knows. */
static void
run_deny(struct run *run, enum hub_run_claimed what)
{
	if (what == HUB_RUN_UNKNOWN)
		log_warning("run %s: not begun, for the store is away",
		    hub_run_channel(run->hub_run));
	else if (run->decided != NULL) {
		log_info("run %s: not begun, for another node has one there",
		    hub_run_channel(run->hub_run));
		hub_run_count(run->runs->hub, true);
	}
	run_decide(run, what == HUB_RUN_UNKNOWN ? EAGAIN : EBUSY);
	hub_run_cancel(run->hub_run, what == HUB_RUN_UNKNOWN);
	run_free(run);
}

/* A run that was stopped meanwhile does not begin when the other has ended. */
static void
run_claim_again(struct run *run)
{
	if (run->reason != RUN_ENDED)
		run_deny(run, HUB_RUN_TAKEN);
	else
		hub_run_claim(run->hub_run, run->end_event);
}

static void
run_again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd;
	(void)what;
	hub_now(run->runs->hub);
	if (run->published > 0)
		return;
	if (run->flight.count > 0)
		run_publish_flight(run);
	if (run->flight.count > 0)
		return;
	if (run->program == NULL && run->claims > 0)
		run_claim_again(run);
	else if (run->program == NULL)
		run_end(run);
	else
		run_step(run);
}

/* Logs that the store refuses output, or, with NULL, takes it: at a change. */
static void
run_note_refused(struct run *run, const char *why)
{
	const char *channel = hub_run_channel(run->hub_run);

	if (run->is_refused == (why != NULL) ||
	    (why != NULL &&
		!log_limit_pass(&run->refused_log, clock_monotonic_ms())))
		return;
	run->is_refused = why != NULL;
	if (why == NULL)
		log_info("run %s: its output is taken again", channel);
	else
		log_warning("run %s: waits, for its output is refused: %s",
		    channel, why);
}

/* The end is in the history. */
static void
run_finish(struct run *run, struct id end)
{
	log_info("run %s: %s", hub_run_channel(run->hub_run),
	    run_reasons[run->reason]);
	hub_run_end(run->hub_run, end);
	run_free(run);
}

static void
run_committed(void *arg, size_t accepted, struct id last, const char *why)
{
	struct run *run = arg;

	run_flight_drop(&run->flight, accepted);
	run->published = 0;
	run_note_refused(run, run->flight.count == 0 ? NULL : why);
	if (run->flight.count > 0) {
		run->is_stuck = true;
		run_try_again(run);
	} else if (run->is_ending) {
		run_finish(run, last);
	} else {
		run_step(run);
	}
}

static void
run_followed(void *arg, size_t streams)
{
	struct run *run = arg;

	if (streams > 0)
		event_del(run->linger);
	else if (run->linger_ms == 0)
		run_stop(run, RUN_ABANDONED);
	else if (run->linger_ms != QUANTITY_FOREVER_MS)
		loop_set_timer(run->linger, run->linger_ms);
}

static void
run_stopped(void *arg)
{
	run_stop(arg, RUN_STOPPED);
}

/* Other nodes share the store: the program is started when this one may. */
static void
run_claimed(void *arg, enum hub_run_claimed what)
{
	struct run *run = arg;
	struct runs *runs = run->runs;
	int error = 0;

	if (run->is_claiming && what != HUB_RUN_OURS) {
		run->is_denied = true;
		return;
	}
	hub_now(runs->hub);
	/*
	 * Whoever has seen the end of another node's run may be here before
	 * that node has let go of the channel.
	 */
	if (what == HUB_RUN_TAKEN && run->reason == RUN_ENDED &&
	    run->claims++ < RUN_CLAIMS) {
		loop_set_timer(run->again, RUN_CLAIM_MS);
		return;
	}
	if (what != HUB_RUN_OURS) {
		run_deny(run, what);
		return;
	}
	run->claims = 0;
	if (run->reason != RUN_ENDED) {
		run_decide(run, 0);
		run_end(run);
		return;
	}
	run->program =
	    program_start(runs->programs, run->waits, run_ready_cb, run);
	if (run->program == NULL) {
		error = errno;
		log_error("%s: %s: %s", run->waits->name, run->waits->argv[0],
		    strerror(error));
		run->reason = RUN_FAILED;
		run_end(run);
	}
	run_decide(run, error);
}

/* Other nodes took this one for gone, and one of them has told the channel. */
static void
run_lost(void *arg)
{
	struct run *run = arg;

	log_warning("run %s: ended, for other nodes took this one for gone",
	    hub_run_channel(run->hub_run));
	hub_run_lose(run->hub_run);
	run_free(run);
}

static const struct hub_run_hooks run_hooks = {
	.claimed = run_claimed,
	.lost = run_lost,
	.committed = run_committed,
	.followed = run_followed,
	.stopped = run_stopped,
};

static void
run_limit_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_stop(arg, RUN_TIMEOUT);
}

static void
run_linger_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_stop(arg, RUN_ABANDONED);
}

int
run_enroll(struct run *run, const struct run_options *o)
{
	char *note = run_note_make(o);
	const struct hub_run_options options = { .note = note,
		.channel = o->channel,
		.key = o->key,
		.user = o->user,
		.begin = o->begin,
		.hooks = &run_hooks,
		.arg = run };

	if (o->time_ms > 0)
		loop_set_timer(run->limit, o->time_ms);
	run->hub_run = hub_run_begin(run->runs->hub, &options);
	free(note);
	if (run->hub_run == NULL)
		return -1;
	if (run->linger_ms > 0 && hub_run_streams(run->hub_run) == 0)
		run_followed(run, 0);
	return 0;
}

int
run_prepare(struct run *run, const struct run_options *o)
{
	struct event_base *base = run->runs->base;

	run->linger_ms = o->linger_ms;
	run->is_again = o->again != NULL;
	run->end_event = strdup(o->end_event);
	if (o->end_data != NULL)
		run->end_data = strdup(o->end_data);
	run->limit = evtimer_new(base, run_limit_cb, run);
	run->linger = evtimer_new(base, run_linger_cb, run);
	run->again = evtimer_new(base, run_again_cb, run);
	if (run->end_event == NULL ||
	    (o->end_data != NULL && run->end_data == NULL) ||
	    run->limit == NULL || run->linger == NULL || run->again == NULL)
		return -1;
	return 0;
}

/* As run_start, of a run whose program is started when it is claimed. */
static int
run_start_claimed(struct run *run, const struct run_options *o,
    const struct program_options *program)
{
	run->waits = program_copy(program);
	if (run->waits == NULL || run_prepare(run, o) == -1 ||
	    run_enroll(run, o) == -1) {
		run_free(run);
		errno = ENOMEM;
		return -1;
	}
	run->decided = o->decided;
	run->arg = o->arg;
	run->is_claiming = true;
	hub_run_claim(run->hub_run, run->end_event);
	run->is_claiming = false;
	if (!run->is_denied)
		return o->decided == NULL ? 0 : 1;
	run->decided = NULL;
	hub_run_cancel(run->hub_run, false);
	run_free(run);
	errno = ENOTCONN;
	return -1;
}

int
run_start(struct runs *runs, const struct run_options *o)
{
	struct program_options program = o->program;
	struct run *run = calloc(1, sizeof *run);
	int error;

	if (run == NULL)
		return -1;
	run->runs = runs;
	TAILQ_INSERT_TAIL(&runs->list, run, link);
	program.put = run_put;
	errno = ENOMEM;
	if (hub_run_must_claim(runs->hub))
		return run_start_claimed(run, o, &program);
	if (run_prepare(run, o) == 0)
		run->program =
		    program_start(runs->programs, &program, run_ready_cb, run);
	if (run->program != NULL && run_enroll(run, o) == 0) {
		log_info("run %s: begins: %s", hub_run_channel(run->hub_run),
		    program.name);
		return 0;
	}
	error = errno;
	run_free(run);
	errno = error;
	return -1;
}

struct hub *
runs_hub(const struct runs *runs)
{
	return runs->hub;
}

struct programs *
runs_programs(const struct runs *runs)
{
	return runs->programs;
}

struct runs *
runs_new(struct event_base *base, struct hub *hub, struct programs *programs)
{
	struct runs *runs = calloc(1, sizeof *runs);

	if (runs == NULL)
		return NULL;
	runs->base = base;
	runs->hub = hub;
	runs->programs = programs;
	TAILQ_INIT(&runs->list);
	if ((runs->kin = evtimer_new(base, runs_kin_cb, runs)) == NULL) {
		free(runs);
		return NULL;
	}
	programs_adopt(programs);
	return runs;
}

void
runs_decide(struct runs *runs)
{
	struct run *run;

	if (runs == NULL)
		return;
	TAILQ_FOREACH(run, &runs->list, link) {
		/* cppcheck-suppress uninitvar; the loop sets it */
		run_decide(run, EAGAIN);
	}
}

void
runs_free(struct runs *runs)
{
	struct run *run, *next;

	if (runs == NULL)
		return;
	TAILQ_FOREACH_SAFE(run, &runs->list, link, next) {
		hub_run_break(run->hub_run, NULL);
		run_free(run);
	}
	runs_sweep(runs);
	event_free(runs->kin);
	free(runs);
}
