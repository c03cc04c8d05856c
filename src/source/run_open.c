/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "source/environment.h"
#include "source/run_open.h"

/* A run that is to begin when its first stream is opened. */
struct run_opening {
	struct runs *runs;
	struct run_options options;
	struct refusal *refusal;
};

/* Clients need not know where programs are. */
static int
run_open_begin(void *arg)
{
	static const char too_many[] =
	    "too many programs run already (run-max)";
	struct run_opening *o = arg;
	const struct program_options *p = &o->options.program;
	uint64_t max = hub_config(runs_hub(o->runs))->run_max;

	if (max > 0 && programs_count(runs_programs(o->runs)) >= max) {
		log_warning("%s: %s", p->name, too_many);
		return refusal_set(o->refusal, 503, "%s", too_many);
	}
	if (run_start(o->runs, &o->options) == 0)
		return 0;
	log_error("%s: %s: %s", p->name, p->argv[0], strerror(errno));
	return refusal_set(o->refusal, 503, "the program cannot be started");
}

/* Opens the first stream, and with it the run. */
static void
run_open_first(struct runs *runs, struct opening *opening,
    struct opening_result *result)
{
	const struct config_route *route = opening->program;
	struct subscription *sub = &opening->sub;
	struct hub *hub = runs_hub(runs);
	struct run_opening o = { .runs = runs, .refusal = &result->refusal };
	char since[ID_TEXT_SIZE], *channel, **argv, **env = NULL;
	struct environment_variable more[2] = { { "CRIER_RUN", since },
		{ "CRIER_CHANNEL", NULL } };

	result->answer = HUB_NO_MEMORY;
	channel = strndup(sub->channels[0].text, sub->channels[0].len);
	argv = calloc(route->run.count + 1, sizeof *argv);
	o.options = (struct run_options){ .channel = sub->channels[0],
		.key = opening->key,
		.user = request_user(opening->request),
		.begin = hub_run_position(hub),
		.time_ms = route->run_ms,
		.linger_ms = route->run_linger_ms,
		.end_event = route->end_event,
		.end_data = route->end_data };
	since[id_format(o.options.begin, since)] = '\0';
	more[1].value = channel;
	o.options.program = (struct program_options){ .name = route->title,
		.argv = argv,
		.body = opening->request->body,
		.is_raw = route->format == CONFIG_FORMAT_RAW,
		.max_line = hub_config(hub)->max_event_bytes,
		.max_bytes = route->run_bytes };
	if (channel != NULL)
		env = environment_make(opening->request, more, 2);
	o.options.program.envp = env;
	if (argv != NULL && env != NULL) {
		/* Pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
		memcpy(argv, route->run.items, route->run.count * sizeof *argv);
		sub->from = &o.options.begin;
		sub->begin = run_open_begin;
		sub->begin_arg = &o;
		result->answer = hub_subscribe(hub, sub);
	}
	environment_free(env);
	free(argv);
	free(channel);
}

static void
run_open_busy(struct hub_run *run, struct opening_result *result)
{
	struct id begin = hub_run_begin_id(run);

	refusal_set(&result->refusal, 409,
	    "a program runs in this channel already");
	result->since[id_format(begin, result->since)] = '\0';
}

void
run_open(struct runs *runs, struct opening *opening,
    struct opening_result *result)
{
	struct subscription *sub = &opening->sub;
	struct hub *hub = runs_hub(runs);
	struct hub_run *known, *run;
	struct id begin;
	bool comes_back = sub->since.len > 0;

	/* 1. The same request again: it gets the run that it began. */
	known = hub_run_find_key(hub, sub->channels[0], opening->key);
	if (known != NULL && !comes_back) {
		begin = hub_run_begin_id(known);
		sub->from = &begin;
		hub_run_count(hub, false);
		result->answer = hub_subscribe(hub, sub);
		return;
	}
	/* 2. One runs at a time. */
	run = hub_run_find(hub, sub->channels[0]);
	if (run != NULL && hub_run_is_going(run) && known == NULL &&
	    !comes_back && opening->program->run_busy == CONFIG_BUSY_REFUSE) {
		hub_run_count(hub, true);
		run_open_busy(run, result);
		return;
	}
	/* 3. Whoever comes back, or joins, follows the channel. */
	if (comes_back || (run != NULL && hub_run_is_going(run))) {
		hub_run_count(hub, false);
		result->answer = hub_subscribe(hub, sub);
		return;
	}
	run_open_first(runs, opening, result);
}
