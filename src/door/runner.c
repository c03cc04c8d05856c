/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "door/runner.h"

/* A program as the source of a stream. */
struct runner {
	struct source source;
	struct hub *hub;
	struct run *run;
	struct stream *stream; /* NULL until it has asked for something */
};

static struct runner *
runner_of(struct source *source)
{
	return (struct runner *)(void *)((char *)source -
	    offsetof(struct runner, source));
}

static int
runner_step(struct source *source, struct stream *s)
{
	struct runner *r = runner_of(source);
	struct buffer b = { 0 };
	struct block *block;
	int got;

	r->stream = s;
	if ((got = run_take(r->run, &b)) == 1) {
		block = block_of(b.data, b.len);
		buffer_clear(&b);
		if (block == NULL)
			return -1;
		stream_set_unit(s, block, false);
		return 0;
	}
	buffer_clear(&b);
	if (got == -1)
		stream_begin_end(s, STREAM_CLOSED);
	return 0;
}

/* How the program ended, if it did before its stream. */
static int
runner_put_end(const struct source *source, const struct stream *s,
    struct buffer *b)
{
	const struct runner *r =
	    (const struct runner *)(const void *)((const char *)source -
		offsetof(struct runner, source));
	const char *reason = stream_reason(s);
	struct json_object *o = json_object_new_object();
	struct run_result result;
	char seconds[32];

	json_add_text(o, "reason", reason, strlen(reason));
	if (run_get_result(r->run, &result)) {
		snprintf(seconds, sizeof seconds, "%.3f", result.seconds);
		if (result.signal > 0)
			json_add_number(o, "signal", (uint64_t)result.signal);
		else
			json_add_number(o, "status", (uint64_t)result.status);
		json_add(o, "seconds",
		    json_object_new_double_s(result.seconds, seconds));
		if (result.is_cut)
			json_add(o, "cut", json_object_new_boolean(true));
	}
	return json_append(b, o);
}

static void
runner_leave(struct source *source)
{
	struct runner *r = runner_of(source);

	run_leave(r->run);
	free(r);
}

static void
runner_ready_cb(void *arg)
{
	struct runner *r = arg;

	hub_now(r->hub);
	if (r->stream != NULL && r->stream->unit == NULL)
		stream_write(r->stream);
}

enum hub_answer
runner_subscribe(struct hub *hub, struct runs *runs,
    const struct run_options *options, struct subscription *sub, char **cause)
{
	struct runner *r = calloc(1, sizeof *r);
	enum hub_answer answer;

	*cause = NULL;
	if (r == NULL)
		return HUB_NO_MEMORY;
	/* No program is started for who is turned away. */
	if (!hub_has_room(hub)) {
		free(r);
		return hub_subscribe(hub, sub);
	}
	r->hub = hub;
	r->source.step = runner_step;
	r->source.put_end = runner_put_end;
	r->source.leave = runner_leave;
	r->run = run_start(runs, options, runner_ready_cb, r, cause);
	if (r->run == NULL) {
		free(r);
		return HUB_NO_MEMORY;
	}
	sub->source = &r->source;
	answer = hub_subscribe(hub, sub);
	if (answer != HUB_OPENED)
		runner_leave(&r->source);
	return answer;
}
