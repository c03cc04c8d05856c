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
daemon_not_understood(void)
{
	client_warn("crierd's answer cannot be understood");
	return EX_TEMPFAIL;
}

/* Sends a command, which it takes; the answer is the caller's. */
static int
daemon_ask(struct daemon *d, struct json_object *command,
    struct json_object **answer)
{
	const char *reply;
	size_t len;
	int rc;

	*answer = NULL;
	if ((rc = client_call(&d->client, command, &reply, &len)) != 0)
		return rc;
	*answer = json_parse_object(reply, len);
	return *answer == NULL ? daemon_not_understood() : 0;
}

static bool
daemon_number(struct json_object *o, const char *name, uint64_t *number)
{
	return json_get_whole(json_member(o, name), UINT64_MAX, number);
}

/* The text of a member, fit for a terminal; "" if it is no text. */
static void
daemon_text(struct json_object *o, const char *name, char *to, size_t size)
{
	const char *text = json_get_string(json_member(o, name));

	*to = '\0';
	if (text != NULL)
		text_escape(text, strlen(text), to, size);
}

static int
daemon_read_settings(struct daemon *d)
{
	struct json_object *command = json_object_new_object(), *answer;
	struct json_object *limits;
	int rc;

	json_add_string(command, "do", "status");
	if ((rc = daemon_ask(d, command, &answer)) != 0)
		return rc;
	limits = json_member(answer, "limits");
	if (!daemon_number(limits, "heartbeat_ms", &d->heartbeat_ms) ||
	    !daemon_number(limits, "max_event_bytes", &d->max_event_bytes))
		rc = daemon_not_understood();
	json_object_put(answer);
	return rc;
}

int
daemon_open(struct daemon *d, const struct verb_env *env)
{
	int rc;

	memset(d, 0, sizeof *d);
	rc = client_open(&d->client, env->queue, env->wait_ms);
	return rc != 0 ? rc : daemon_read_settings(d);
}

void
daemon_close(struct daemon *d)
{
	client_close(&d->client);
}

int
daemon_publish(struct daemon *d, const char *channel, const char *data,
    char id[ID_TEXT_SIZE], size_t *streams)
{
	struct json_object *command = json_object_new_object(), *answer;
	uint64_t count = 0;
	int rc;

	json_add_string(command, "channel", channel);
	json_add_string(command, "data", data);
	json_add_number(command, "expires", d->expires);
	if ((rc = daemon_ask(d, command, &answer)) != 0)
		return rc;
	daemon_text(answer, "id", id, ID_TEXT_SIZE);
	if (*id == '\0' || !daemon_number(answer, "streams", &count))
		rc = daemon_not_understood();
	*streams = (size_t)count;
	json_object_put(answer);
	return rc;
}

int
daemon_end(struct daemon *d, const char *channel)
{
	struct json_object *command = json_object_new_object(), *answer;
	int rc;

	json_add_string(command, "do", "close");
	json_add_string(command, "channel", channel);
	rc = daemon_ask(d, command, &answer);
	json_object_put(answer);
	return rc;
}

static bool
daemon_is_of(struct json_object *stream, const char *channel)
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
daemon_describe(struct json_object *o, struct daemon_streams *s)
{
	daemon_text(o, "door", s->door, sizeof s->door);
	if (s->door[0] == '\0')
		daemon_text(o, "framing", s->door, sizeof s->door);
	s->has_heartbeat = daemon_number(o, "heartbeat_ms", &s->heartbeat_ms);
	daemon_number(o, "bytes", &s->bytes);
}

int
daemon_look(struct daemon *d, const char *channel, struct daemon_streams *s)
{
	struct json_object *command = json_object_new_object(), *answer;
	struct json_object *list, *o;
	size_t i;
	int rc;

	memset(s, 0, sizeof *s);
	json_add_string(command, "do", "status");
	json_add_flag(command, "streams", true);
	json_add_string(command, "channel", channel);
	if ((rc = daemon_ask(d, command, &answer)) != 0)
		return rc;
	list = json_member(answer, "list");
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		if (daemon_is_of(o, channel) && s->count++ == 0)
			daemon_describe(o, s);
	}
	json_object_put(answer);
	return 0;
}
