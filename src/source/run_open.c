/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "source/environment.h"
#include "source/run_open.h"

/* A run that is to begin, with all that it points to. */
struct run_opening {
	struct runs *runs;
	struct run_options options;
	struct refusal *refusal;
	char *channel, **argv, **env;
};

static void
run_open_clear(struct run_opening *o)
{
	json_object_put(o->options.again);
	environment_free(o->env);
	free(o->argv);
	free(o->channel);
}

static void
run_open_add_hex(struct json_object *to, const char *name, const char *bytes,
    size_t len)
{
	char *text = malloc(len * 2 + 1);

	if (text != NULL) {
		text_hex_encode(bytes, len, text);
		json_add_text(to, name, text, len * 2);
	}
	free(text);
}

/* What it takes to run it again. */
static struct json_object *
run_open_describe(const struct config_route *route,
    const struct request *request)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "route", route->title);
	run_open_add_hex(o, "env", request->env.data, request->env.len);
	run_open_add_hex(o, "body", request->body.text, request->body.len);
	return o;
}

/*
 * Fills in what a route says of a run whose channel, key, user, position and
 * attempt are set already.  0, or -1 (memory); run_open_clear either way.
 */
static int
run_open_fill(struct run_opening *o, const struct config_route *route,
    const struct request *request)
{
	struct run_options *options = &o->options;
	char since[ID_TEXT_SIZE], attempt[32];
	const struct environment_variable more[] = { { "CRIER_RUN", since },
		{ "CRIER_ATTEMPT", attempt },
		{ "CRIER_CHANNEL",
		    o->channel = strndup(options->channel.text,
			options->channel.len) } };

	since[id_format(options->begin, since)] = '\0';
	snprintf(attempt, sizeof attempt, "%llu",
	    (unsigned long long)options->attempt);
	o->argv = calloc(route->run.count + 1, sizeof *o->argv);
	if (o->channel != NULL)
		o->env =
		    environment_make(request, more, sizeof more / sizeof *more);
	if (o->argv == NULL || o->env == NULL)
		return -1;
	/* Pointers. NOLINTNEXTLINE(bugprone-sizeof-*) */
	memcpy(o->argv, route->run.items, route->run.count * sizeof *o->argv);
	options->time_ms = route->run_ms;
	options->linger_ms = route->run_linger_ms;
	options->end_event = route->end_event;
	options->end_data = route->end_data;
	if (route->run_again == 1)
		options->again = run_open_describe(route, request);
	options->program = (struct program_options){ .name = route->title,
		.argv = o->argv,
		.envp = o->env,
		.body = request->body,
		.is_raw = route->format == CONFIG_FORMAT_RAW,
		.max_line = hub_config(runs_hub(o->runs))->max_event_bytes,
		.max_bytes = route->run_bytes };
	return 0;
}

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
	if (errno == ENOTCONN)
		return refusal_set(o->refusal, 503, "the store is away");
	log_error("%s: %s: %s", p->name, p->argv[0], strerror(errno));
	return refusal_set(o->refusal, 503, "the program cannot be started");
}

/* Opens the first stream, and with it the run. */
static void
run_open_first(struct runs *runs, struct opening *opening,
    struct opening_result *result)
{
	struct subscription *sub = &opening->sub;
	struct hub *hub = runs_hub(runs);
	struct run_opening o = { .runs = runs,
		.refusal = &result->refusal,
		.options = { .channel = sub->channels[0],
		    .key = opening->key,
		    .user = request_user(opening->request),
		    .begin = hub_run_position(hub),
		    .attempt = 1 } };

	result->answer = HUB_NO_MEMORY;
	if (run_open_fill(&o, opening->program, opening->request) == 0) {
		sub->from = &o.options.begin;
		sub->begin = run_open_begin;
		sub->begin_arg = &o;
		result->answer = hub_subscribe(hub, sub);
	}
	run_open_clear(&o);
}

/* The route of this configuration that a note names, if it runs again. */
static const struct config_route *
run_open_find_route(const struct config *config, const char *title)
{
	size_t i;

	for (i = 0; title != NULL && i < config->route_count; i++)
		if (config_route_is_run(config->routes[i]) &&
		    config->routes[i]->run_again == 1 &&
		    strcmp(config->routes[i]->title, title) == 0)
			return config->routes[i];
	return NULL;
}

/* Reads bytes that run_open_add_hex has written; 0, or -1. */
static int
run_open_get_hex(struct json_object *o, const char *name, struct buffer *to)
{
	struct text_span hex = { "", 0 };
	char *at;

	json_get_text(json_member(o, name), &hex);
	if (hex.len == 0)
		return 0;
	if ((at = buffer_reserve(to, hex.len / 2)) == NULL ||
	    text_hex_decode(hex.text, hex.len, at) == -1)
		return -1;
	buffer_commit(to, hex.len / 2);
	return 0;
}

int
run_open_again(struct runs *runs, const struct hub_run_options *left,
    struct json_object *note)
{
	struct json_object *again = json_member(note, "again");
	const struct config_route *route =
	    run_open_find_route(hub_config(runs_hub(runs)),
		json_get_string(json_member(again, "route")));
	struct refusal refusal = { 0 };
	struct run_opening o = { .runs = runs,
		.refusal = &refusal,
		.options = { .channel = left->channel,
		    .key = left->key,
		    .user = left->user,
		    .begin = left->begin,
		    .attempt = 1 } };
	struct request request = { .user = left->user };
	struct buffer body = { 0 };
	int rc = -1;

	if (route == NULL)
		return -1;
	json_get_whole(json_member(note, "attempt"), UINT32_MAX,
	    &o.options.attempt);
	o.options.attempt++;
	if (run_open_get_hex(again, "env", &request.env) == 0 &&
	    run_open_get_hex(again, "body", &body) == 0) {
		request.body = (struct text_span){ body.data, body.len };
		if (run_open_fill(&o, route, &request) == 0)
			rc = run_open_begin(&o);
	}
	run_open_clear(&o);
	request_clear(&request);
	buffer_clear(&body);
	return rc;
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
