/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "hub/state.h"
#include "hub/wanted.h"

enum {
	WANTED_MS = 20000,      /* without a word; four of them are due */
	WANTED_FRESH_MS = 1000, /* its stream is being opened */
	WANTED_TEXT = 32
};

static const char wanted_word[] = "want ";

enum {
	WANTED_WORD_LEN = sizeof wanted_word - 1
};

bool
wanted_elsewhere(const struct hub *hub, enum wanted kind)
{
	return hub->wanted.until_ms[kind] > hub->clock.now_ms;
}

/* Nobody needs to know who has heard it. */
static void
wanted_told(void *arg, const struct store_answer *answers, size_t count,
    const char *why)
{
	(void)arg;
	(void)answers;
	(void)count;
	(void)why;
}

void
wanted_tell(struct hub *hub, enum wanted kind)
{
	struct store_question q = { .answered = wanted_told };
	char text[WANTED_TEXT];

	if (!hub->store->is_shared)
		return;
	q.text.text = text;
	q.text.len = (size_t)snprintf(text, sizeof text, "%s%s", wanted_word,
	    hub->wanted.kinds[kind].channel);
	hub->wanted.told_ms[kind] = hub->clock.now_ms;
	/*
	 * In this order: a node that comes meanwhile hears the one or the
	 * other. If it cannot be said now, the next beat does.
	 */
	hub->store->ops->beat(hub->store);
	hub->store->ops->ask(hub->store, &q);
}

static void
wanted_note(struct hub *hub, struct text_span channel)
{
	size_t kind;

	for (kind = 0; kind < WANTED_KINDS; kind++) {
		if (!text_equals(channel, hub->wanted.kinds[kind].channel))
			continue;
		hub->wanted.until_ms[kind] = hub->clock.now_ms + WANTED_MS;
		hub->wanted.kinds[kind].begin(hub);
	}
}

bool
wanted_hear(struct hub *hub, struct text_span text)
{
	if (text.len < WANTED_WORD_LEN ||
	    memcmp(text.text, wanted_word, WANTED_WORD_LEN) != 0)
		return false;
	text.text += WANTED_WORD_LEN;
	text.len -= WANTED_WORD_LEN;
	wanted_note(hub, text);
	return true;
}

void
wanted_say(struct hub *hub, struct json_object *said)
{
	struct json_object *list = json_object_new_array();
	size_t kind;

	for (kind = 0; list != NULL && kind < WANTED_KINDS; kind++)
		if (hub->wanted.kinds[kind].is_here(hub) ||
		    hub->clock.now_ms - hub->wanted.told_ms[kind] <
			WANTED_FRESH_MS)
			json_object_array_add(list,
			    json_object_new_string(hub->wanted.kinds[kind]
						       .channel));
	json_add(said, "wants", list);
}

void
wanted_heard(struct hub *hub, struct json_object *said)
{
	struct json_object *list = json_member(said, "wants");
	struct text_span channel;
	size_t i;

	for (i = 0; i < json_length(list); i++)
		if (json_get_text(json_object_array_get_idx(list, i), &channel))
			wanted_note(hub, channel);
}
