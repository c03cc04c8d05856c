/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "base/text.h"
#include "doctor/far_end.h"

static int
far_end_not_understood(void)
{
	client_warn("crierd's answer cannot be understood");
	return EX_TEMPFAIL;
}

/* Sends a command and frees it; the answer is the caller's. */
static int
far_end_ask(struct far_end *d, struct json_object *command,
    struct json_object **answer)
{
	const char *reply;
	size_t len;
	int rc;

	*answer = NULL;
	if ((rc = client_call(&d->client, command, &reply, &len)) != 0)
		return rc;
	*answer = json_parse_object(reply, len);
	return *answer == NULL ? far_end_not_understood() : 0;
}

static bool
far_end_number(struct json_object *o, const char *name, uint64_t *number)
{
	return json_get_whole(json_member(o, name), UINT64_MAX, number);
}

/* The text of a member, fit for a terminal; "" if it is no text. */
static void
far_end_text(struct json_object *o, const char *name, char *to, size_t size)
{
	const char *text = json_get_string(json_member(o, name));

	*to = '\0';
	if (text != NULL)
		text_escape(text, strlen(text), to, size);
}

static int
far_end_read_settings(struct far_end *d)
{
	struct json_object *command = json_object_new_object(), *answer;
	struct json_object *limits;
	int rc;

	json_add_string(command, "do", "status");
	if ((rc = far_end_ask(d, command, &answer)) != 0)
		return rc;
	limits = json_member(answer, "limits");
	if (!far_end_number(limits, "heartbeat_ms", &d->heartbeat_ms) ||
	    !far_end_number(limits, "max_event_bytes", &d->max_event_bytes) ||
	    !far_end_number(answer, "streams", &d->streams))
		rc = far_end_not_understood();
	json_object_put(answer);
	return rc;
}

int
far_end_open(struct far_end *d, const struct verb_env *env)
{
	int rc;

	memset(d, 0, sizeof *d);
	rc = client_open(&d->client, env->queue, env->wait_ms);
	return rc != 0 ? rc : far_end_read_settings(d);
}

void
far_end_close(struct far_end *d)
{
	client_close(&d->client);
}

int
far_end_publish(struct far_end *d, const char *channel, const char *data,
    char id[ID_TEXT_SIZE], size_t *streams)
{
	struct json_object *command = json_object_new_object(), *answer;
	uint64_t count = 0;
	int rc;

	json_add_string(command, "channel", channel);
	json_add_string(command, "data", data);
	json_add_number(command, "expires", d->expires);
	if ((rc = far_end_ask(d, command, &answer)) != 0)
		return rc;
	far_end_text(answer, "id", id, ID_TEXT_SIZE);
	if (*id == '\0' || !far_end_number(answer, "streams", &count))
		rc = far_end_not_understood();
	*streams = (size_t)count;
	json_object_put(answer);
	return rc;
}

int
far_end_end(struct far_end *d, const char *channel)
{
	struct json_object *command = json_object_new_object(), *answer;
	int rc;

	json_add_string(command, "do", "close");
	json_add_string(command, "channel", channel);
	rc = far_end_ask(d, command, &answer);
	json_object_put(answer);
	return rc;
}

static bool
far_end_is_of(struct json_object *stream, const char *channel)
{
	struct json_object *names = json_member(stream, "channels");
	const char *name;
	size_t i;

	for (i = 0; i < json_length(names); i++) {
		name = json_get_string(json_object_array_get_idx(names, i));
		if (name != NULL && strcmp(name, channel) == 0)
			return true;
	}
	return false;
}

static void
far_end_describe(struct json_object *o, struct far_end_streams *s)
{
	far_end_text(o, "door", s->door, sizeof s->door);
	if (s->door[0] == '\0')
		far_end_text(o, "framing", s->door, sizeof s->door);
	s->has_heartbeat = far_end_number(o, "heartbeat_ms", &s->heartbeat_ms);
	far_end_number(o, "bytes", &s->bytes);
}

int
far_end_look(struct far_end *d, const char *channel, struct far_end_streams *s)
{
	struct json_object *command = json_object_new_object(), *answer;
	struct json_object *list, *o;
	size_t i;
	int rc;

	memset(s, 0, sizeof *s);
	json_add_string(command, "do", "status");
	json_add_flag(command, "streams", true);
	json_add_string(command, "channel", channel);
	if ((rc = far_end_ask(d, command, &answer)) != 0)
		return rc;
	list = json_member(answer, "list");
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		if (far_end_is_of(o, channel) && s->count++ == 0)
			far_end_describe(o, s);
	}
	json_object_put(answer);
	return 0;
}
