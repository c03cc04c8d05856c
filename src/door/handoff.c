/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "door/handoff.h"
#include "protocol/reply.h"

enum {
	HANDOFF_TEXT_MAX = 1024 /* of a text that is escaped */
};

static const char *const handoff_words[] = {
	[HUB_OPENED] = "opened",
	[HUB_STOPPED] = "stopped",
	[HUB_FULL] = "full",
	[HUB_USER_FULL] = "user-full",
	[HUB_ADDRESS_FULL] = "address-full",
	[HUB_FOLLOWED_FULL] = "followed-full",
	[HUB_WAITING] = "waiting",
	[HUB_AWAY] = "away",
	[HUB_DRAINING] = "draining",
	[HUB_NOT_BEGUN] = "not-begun",
	[HUB_NO_MEMORY] = "memory",
};

const char *
handoff_answer_word(enum hub_answer answer)
{
	return handoff_words[answer];
}

/* Adds a text.  JSON must be UTF-8, and what a client has sent may not be. */
static void
handoff_add_text(struct json_object *o, const char *name, struct text_span t)
{
	char escaped[HANDOFF_TEXT_MAX];

	if (t.len == 0)
		return;
	if (text_is_utf8(t.text, t.len))
		json_add_text(o, name, t.text, t.len);
	else
		json_add_text(o, name, escaped,
		    text_escape(t.text, t.len, escaped, sizeof escaped));
}

/* Adds bytes of any kind, as hexadecimal.  0, or -1 (memory). */
static int
handoff_add_bytes(struct json_object *o, const char *name,
    struct text_span bytes)
{
	char *text;

	if (bytes.len == 0)
		return 0;
	if ((text = malloc(bytes.len * 2)) == NULL)
		return -1;
	text_hex_encode(bytes.text, bytes.len, text);
	json_add_text(o, name, text, bytes.len * 2);
	free(text);
	return 0;
}

/* Adds the route whose program is to be run, and the request that it gets. */
static int
handoff_add_program(struct json_object *o, const struct opening *opening)
{
	const struct buffer *env = &opening->request->env;

	json_add_string(o, "run", opening->program->title);
	handoff_add_text(o, "key", opening->key);
	if (handoff_add_bytes(o, "env",
		(struct text_span){ env->data, env->len }) == -1)
		return -1;
	return handoff_add_bytes(o, "body", opening->request->body);
}

static void
handoff_add_rules(struct json_object *o, const struct subscription *sub)
{
	const struct stream_rules *rules = sub->rules;

	if (rules != NULL && rules->heartbeat_ms != STREAM_RULE_UNSET)
		json_add_number(o, "heartbeat_ms", rules->heartbeat_ms);
	if (rules != NULL && rules->retry_ms != STREAM_RULE_UNSET)
		json_add_number(o, "retry_ms", rules->retry_ms);
	if (rules != NULL && rules->max_time_ms != STREAM_RULE_UNSET)
		json_add_number(o, "max_time_ms", rules->max_time_ms);
	if (sub->limit_ms > 0)
		json_add_number(o, "limit_ms", sub->limit_ms);
	if (sub->has_end)
		json_add_text(o, "end", sub->end.text, sub->end.len);
}

static struct json_object *
handoff_channels(const struct subscription *sub)
{
	struct json_object *names = json_object_new_array(), *name;
	size_t i;

	for (i = 0; names != NULL && i < sub->channel_count; i++) {
		name = json_object_new_string_len(sub->channels[i].text,
		    (int)sub->channels[i].len);
		if (name != NULL && json_object_array_add(names, name) == 0)
			continue;
		json_object_put(name);
		json_object_put(names);
		names = NULL;
	}
	return names;
}

int
handoff_put(struct buffer *b, const struct opening *opening,
    const char *framing)
{
	const struct subscription *sub = &opening->sub;
	struct json_object *o = json_object_new_object();

	json_add_string(o, "do", "handoff");
	json_add_string(o, "framing", framing);
	json_add_number(o, "request", sub->request_id);
	json_add_flag(o, "keep", sub->keep);
	handoff_add_text(o, "head", sub->head);
	json_add(o, "channel", handoff_channels(sub));
	handoff_add_text(o, "since", sub->since);
	if (sub->since_all)
		json_add_flag(o, "all", true);
	if (sub->has_last)
		json_add_number(o, "last", sub->last);
	if (sub->is_terse)
		json_add_flag(o, "terse", true);
	if (sub->is_tagged)
		json_add_flag(o, "tag", true);
	json_add_flag(o, "poll", sub->is_poll);
	json_add_number(o, "poll_ms", sub->poll_ms);
	json_add_number(o, "poll_above", sub->poll_above);
	handoff_add_text(o, "user", sub->user);
	handoff_add_text(o, "address", sub->address);
	handoff_add_rules(o, sub);
	if (handoff_add_bytes(o, "input", sub->input) == -1 ||
	    (opening->program != NULL &&
		handoff_add_program(o, opening) == -1)) {
		json_object_put(o);
		return -1;
	}
	return json_append_line(b, o);
}

/* Finds the hub's answer in a reply; false: there is none. */
static bool
handoff_reply_answer(const struct reply *r, enum hub_answer *answer)
{
	const char *word = json_get_string(json_member(r->json, "answer"));
	size_t i;

	*answer = HUB_FULL;
	/* A line that the queue refuses for now: as if the hub were full. */
	if (word == NULL)
		return r->code == EX_TEMPFAIL;
	for (i = 0; i < sizeof handoff_words / sizeof *handoff_words; i++)
		if (strcmp(word, handoff_words[i]) == 0) {
			*answer = (enum hub_answer)i;
			return true;
		}
	return false;
}

/* Why the hub has refused, with its status, and for 409 where to follow. */
static void
handoff_reply_refusal(const struct reply *r, struct opening_result *result)
{
	const char *since = json_get_string(json_member(r->json, "since"));
	uint64_t status = 503;

	json_get_whole(json_member(r->json, "status"), 599, &status);
	refusal_set(&result->refusal, (int)status, "%s",
	    r->error == NULL ? "the hub's answer cannot be understood"
			     : r->error);
	snprintf(result->since, sizeof result->since, "%s",
	    since == NULL ? "" : since);
}

void
handoff_read_reply(const char *reply, size_t len, struct opening_result *result)
{
	struct reply r;

	memset(result, 0, sizeof *result);
	reply_read(&r, reply, len);
	if (!handoff_reply_answer(&r, &result->answer))
		handoff_reply_refusal(&r, result);
	reply_clear(&r);
}
