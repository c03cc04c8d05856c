/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "source/environment.h"
#include "source/program_stream.h"

/* A program as the source of a stream (hub/source.h). */
struct program_stream {
	struct source source;
	struct hub *hub;
	struct program *program; /* NULL until the stream is to begin */
	struct stream *stream;   /* NULL until it has asked for something */
	/* Until it begins: what is to be run, by whom, and what became of it.
	 */
	struct programs *programs;
	const struct program_options *options;
	struct refusal *refusal;
};

static struct program_stream *
program_stream_of(struct source *source)
{
	return (struct program_stream *)(void *)((char *)source -
	    offsetof(struct program_stream, source));
}

static enum source_step
program_stream_step(struct source *source, struct stream *s)
{
	struct program_stream *p = program_stream_of(source);
	enum source_step step = SOURCE_WAITS;
	struct buffer b = { 0 };
	uint64_t events;
	int got;

	p->stream = s;
	got = program_take(p->program, &b, &events);
	if (got == 1)
		step = stream_say(s, b.data, b.len, events) == 0
		    ? SOURCE_GOES_ON
		    : SOURCE_FAILED;
	else if (got == -1)
		step = SOURCE_IS_OVER;
	buffer_clear(&b);
	return step;
}

/*
 * Appends the data of the stream's last record: its reason, and how the program
 * ended, if it did so before its stream.
 */
static int
program_stream_put_end(const struct source *source, const struct stream *s,
    struct buffer *b)
{
	const struct program_stream *p =
	    (const struct program_stream *)(const void *)((const char *)source -
		offsetof(struct program_stream, source));
	const char *reason = stream_reason(s);
	struct json_object *o = json_object_new_object();
	struct program_result result;
	char seconds[32];

	json_add_string(o, "reason", reason);
	if (program_get_result(p->program, &result)) {
		snprintf(seconds, sizeof seconds, "%.3f", result.seconds);
		if (result.signal > 0)
			json_add_number(o, "signal", (uint64_t)result.signal);
		else
			json_add_number(o, "status", (uint64_t)result.status);
		json_add(o, "seconds",
		    json_object_new_double_s(result.seconds, seconds));
		if (result.is_cut)
			json_add_flag(o, "cut", true);
	}
	return json_append(b, o);
}

static void
program_stream_leave(struct source *source)
{
	struct program_stream *p = program_stream_of(source);

	if (p->program != NULL)
		program_leave(p->program);
	free(p);
}

static void
program_stream_ready_cb(void *arg)
{
	struct program_stream *p = arg;

	hub_now(p->hub);
	if (p->stream != NULL)
		stream_source_ready(p->stream);
}

/*
 * Logs why a program could not be started.  Its client is told less: clients
 * need not know where programs are.
 */
static int
program_stream_refuse(const struct program_options *o, struct refusal *refusal)
{
	log_error("%s: %s: %s", o->name, o->argv[0], strerror(errno));
	return refusal_set(refusal, 503, "the program cannot be started");
}

/*
 * Starts the program.  Its client passed all limits, and is not stopped:
 * run-max is the last to be asked.
 */
static int
program_stream_begin(void *arg)
{
	static const char too_many[] =
	    "too many programs run already (run-max)";
	struct program_stream *p = arg;
	uint64_t max = hub_config(p->hub)->run_max;

	if (max > 0 && programs_count(p->programs) >= max) {
		log_warning("%s: %s", p->options->name, too_many);
		return refusal_set(p->refusal, 503, "%s", too_many);
	}
	p->program =
	    program_start(p->programs, p->options, program_stream_ready_cb, p);
	return p->program == NULL
	    ? program_stream_refuse(p->options, p->refusal)
	    : 0;
}

static void
program_stream_start(struct hub *hub, struct programs *programs,
    const struct program_options *o, struct subscription *sub,
    struct opening_result *result)
{
	struct program_stream *p = calloc(1, sizeof *p);

	if (p == NULL)
		return;
	p->hub = hub;
	p->programs = programs;
	p->options = o;
	p->refusal = &result->refusal;
	p->source.step = program_stream_step;
	p->source.put_end = program_stream_put_end;
	p->source.leave = program_stream_leave;
	sub->source = &p->source;
	sub->begin = program_stream_begin;
	sub->begin_arg = p;
	result->answer = hub_subscribe(hub, sub);
	if (result->answer != HUB_OPENED)
		program_stream_leave(&p->source);
}

/* Puts arguments and environment together, and opens the stream. */
void
program_stream_open(struct hub *hub, struct programs *programs,
    struct opening *opening, struct opening_result *result)
{
	const struct config_route *route = opening->program;
	const struct request *request = opening->request;
	struct program_options o = { .name = route->title,
		.body = request->body,
		.is_raw = route->format == CONFIG_FORMAT_RAW,
		.max_line = hub_config(hub)->max_event_bytes,
		.max_bytes = route->run_bytes };
	char **env, **argv;

	memset(result, 0, sizeof *result);
	result->answer = HUB_NO_MEMORY;
	env = environment_make(request, NULL, 0);
	argv = calloc(route->run.count + 1, sizeof *argv);
	if (env != NULL && argv != NULL) {
		memcpy(argv, route->run.items, route->run.count * sizeof *argv);
		o.argv = argv;
		o.envp = env;
		program_stream_start(hub, programs, &o, &opening->sub, result);
	}
	free(argv);
	environment_free(env);
}
