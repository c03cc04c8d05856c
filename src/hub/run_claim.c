/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "hub/publish.h"
#include "hub/run_part.h"

/* Runs where several nodes share the store: one at a time in a channel. */

struct hub_run *
run_last(const struct hub *hub, const char *channel, size_t len)
{
	struct table_entry *e = table_find(&hub->runs.channels, channel, len);

	return e == NULL ? NULL
			 : (struct hub_run *)(void *)((char *)e -
			       offsetof(struct hub_run, by_channel));
}

/*
 * A run has two names at the store, of which the first is the channel's, so
 * that there is one at a time.  The second says with which event its channel is
 * to be told of its end, if the node is gone.
 */
#define RUN_CLAIM     "run "
#define RUN_END_CLAIM "end "

/* A claim on its way: the run may be gone when it is answered. */
struct run_claim {
	struct hub *hub;
	struct id begin;
	size_t len;
	char name[CHANNEL_NAME_MAX + 1];
};

bool
hub_run_must_claim(const struct hub *hub)
{
	return hub->store->is_shared;
}

static void
run_release_channel(struct hub *hub, const char *channel)
{
	char name[sizeof RUN_CLAIM + CHANNEL_NAME_MAX];

	snprintf(name, sizeof name, RUN_CLAIM "%s", channel);
	store_release(hub->store, (struct text_span){ name, strlen(name) });
}

void
run_release(struct hub_run *run)
{
	if (!run->hub->store->is_shared || run->end_claim == NULL)
		return;
	store_release(run->hub->store,
	    (struct text_span){ run->end_claim, strlen(run->end_claim) });
	run_release_channel(run->hub, run->name);
	free(run->end_claim);
	run->end_claim = NULL;
}

static struct hub_run *
run_of_claim(const struct run_claim *c)
{
	struct hub_run *run = run_last(c->hub, c->name, c->len);

	return run == NULL || run->hooks == NULL ||
		id_cmp(run->begin, c->begin) != 0
	    ? NULL
	    : run;
}

static void
run_claim_answer(const struct run_claim *c, enum store_claimed what)
{
	static const enum hub_run_claimed answers[] = {
		[STORE_CLAIMED] = HUB_RUN_OURS,
		[STORE_TAKEN] = HUB_RUN_TAKEN,
		[STORE_NOT_ASKED] = HUB_RUN_UNKNOWN,
	};
	struct hub_run *run = run_of_claim(c);

	if (run == NULL)
		return;
	run->is_claimed = what == STORE_CLAIMED;
	run->is_taken = what == STORE_TAKEN;
	run->hooks->claimed(run->arg, answers[what]);
}

/* Without the second name the first one is of no use. */
static void
run_end_claimed(void *arg, enum store_claimed what, const char *node)
{
	struct run_claim *c = arg;

	(void)node;
	if (what != STORE_CLAIMED)
		run_release_channel(c->hub, c->name);
	run_claim_answer(c, what);
	free(c);
}

static void
run_claimed(void *arg, enum store_claimed what, const char *node)
{
	struct run_claim *c = arg;
	const struct hub_run *run = run_of_claim(c);

	(void)node;
	if (what == STORE_CLAIMED && run != NULL && run->end_claim != NULL) {
		store_claim(c->hub->store,
		    (struct text_span){
			run->end_claim, strlen(run->end_claim) },
		    run_end_claimed, c);
		return;
	}
	run_claim_answer(c, what);
	free(c);
}

void
hub_run_claim(struct hub_run *run, const char *end_event)
{
	struct run_claim *c = calloc(1, sizeof *c);
	char name[sizeof RUN_CLAIM + CHANNEL_NAME_MAX];

	free(run->end_claim);
	run->end_claim = NULL;
	if (c == NULL ||
	    asprintf(&run->end_claim, RUN_END_CLAIM "%s\n%s", run->name,
		end_event) == -1) {
		run->end_claim = NULL;
		free(c);
		run->hooks->claimed(run->arg, HUB_RUN_UNKNOWN);
		return;
	}
	c->hub = run->hub;
	c->begin = run->begin;
	c->len = run->by_channel.name_len;
	memcpy(c->name, run->name, c->len);
	snprintf(name, sizeof name, RUN_CLAIM "%s", run->name);
	store_claim(run->hub->store, (struct text_span){ name, strlen(name) },
	    run_claimed, c);
}

void
runs_lost(struct hub *hub)
{
	struct hub_run *run, *next;

	TAILQ_FOREACH_SAFE(run, &hub->runs.going, link, next)
		if (run->is_claimed && run->hooks != NULL)
			run->hooks->lost(run->arg);
}

void
runs_inherited(struct hub *hub, struct text_span name)
{
	static const char result[] = "{\"reason\":\"interrupted\"}";
	struct event_fields e = { .data = result,
		.data_len = sizeof result - 1,
		.retry_ms = EVENT_RETRY_NONE };
	const char *end;

	if (name.len < sizeof RUN_END_CLAIM ||
	    memcmp(name.text, RUN_END_CLAIM, sizeof RUN_END_CLAIM - 1) != 0)
		return;
	name.text += sizeof RUN_END_CLAIM - 1;
	name.len -= sizeof RUN_END_CLAIM - 1;
	if ((end = memchr(name.text, '\n', name.len)) == NULL)
		return;
	e.name = end + 1;
	e.name_len = name.len - (size_t)(e.name - name.text);
	name.len = (size_t)(end - name.text);
	if (event_check_channel(name.text, name.len) == NULL &&
	    publish_event(hub, &name, 1, &e) == 0 && hub->turn.end_cb != NULL)
		hub->turn.end_cb(hub->turn.end_arg);
}
