/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The hub's side of a handoff: a line of another process's door is read back
 * into an opening.  That process may be of another user, so whatever the line
 * says is checked again, also what a door has checked by itself.
 */

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "door/descriptor.h"
#include "door/door.h"
#include "door/handoff.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

enum {
	HANDOFF_HEAD_MAX = 16384,
	HANDOFF_NAME_MAX = 1024 /* of a user or an address */
};

/* A line that is being read: what it holds until the stream is open. */
struct handoff {
	struct door *door;
	struct opening opening;
	struct text_span channels[CURSORS_MAX];
	struct stream_rules rules;
	struct buffer input;
	struct request request; /* of an opening with a program */
	struct buffer body;
	struct opening_result result;
};

static int
handoff_refuse(struct handoff *h, const char *name, const char *what)
{
	return refusal_set(&h->result.refusal, 400, "%s %s", name, what);
}

/*
 * Finds a member.  1; 0: it is not there; -1: refused, for it has another
 * type.  So return all handoff_get_*.
 */
static int
handoff_get(struct handoff *h, struct json_object *o, const char *name,
    enum json_type type, struct json_object **value)
{
	if (!json_object_object_get_ex(o, name, value))
		return 0;
	if (json_object_is_type(*value, type))
		return 1;
	return handoff_refuse(h, name, "is of the wrong type");
}

static int
handoff_get_text(struct handoff *h, struct json_object *o, const char *name,
    size_t max, struct text_span *span)
{
	struct json_object *value;
	int got = handoff_get(h, o, name, json_type_string, &value);

	span->text = "";
	span->len = 0;
	if (got != 1)
		return got;
	json_get_text(value, span);
	return span->len > max ? handoff_refuse(h, name, "is too long") : 1;
}

/*
 * The name of a user, or an address.  With a NUL in it, it would be cut short
 * wherever it is written.
 */
static int
handoff_get_name(struct handoff *h, struct json_object *o, const char *name,
    struct text_span *span)
{
	int got = handoff_get_text(h, o, name, HANDOFF_NAME_MAX, span);

	if (got == 1 && memchr(span->text, '\0', span->len) != NULL)
		return handoff_refuse(h, name, "has a NUL in it");
	return got;
}

static int
handoff_get_number(struct handoff *h, struct json_object *o, const char *name,
    const struct limit *limit, uint64_t *number)
{
	struct json_object *value;
	int got = handoff_get(h, o, name, json_type_int, &value);

	*number = 0;
	if (got != 1)
		return got;
	if (!json_get_whole(value, UINT64_MAX, number) ||
	    !limit_allows(limit, *number))
		return handoff_refuse(h, name, "is out of range");
	return 1;
}

static int
handoff_get_flag(struct handoff *h, struct json_object *o, const char *name,
    bool *flag)
{
	struct json_object *value;
	int got = handoff_get(h, o, name, json_type_boolean, &value);

	*flag = false;
	if (got == 1)
		json_get_flag(value, flag);
	return got;
}

static int
handoff_get_channels(struct handoff *h, struct json_object *o)
{
	struct json_object *list;
	struct text_span *to = h->channels;
	const char *why;
	size_t i, j, n;

	if (h->opening.program != NULL &&
	    !config_route_is_run(h->opening.program))
		return 0;
	if (handoff_get(h, o, "channel", json_type_array, &list) != 1)
		return handoff_refuse(h, "channel", "is no list");
	n = json_object_array_length(list);
	if (n == 0 || n > h->door->config->max_channels)
		return handoff_refuse(h, "channel",
		    "names none, or more than max-channels");
	for (i = 0; i < n; i++) {
		if (!json_get_text(json_object_array_get_idx(list, i), &to[i]))
			return handoff_refuse(h, "channel", "is no string");
		why = event_check_channel(to[i].text, to[i].len);
		if (why != NULL)
			return handoff_refuse(h, "channel:", why);
		for (j = 0; j < i; j++)
			if (to[i].len == to[j].len &&
			    memcmp(to[i].text, to[j].text, to[i].len) == 0)
				return handoff_refuse(h, "channel",
				    "is named twice");
	}
	if (h->opening.program != NULL && n > 1)
		return handoff_refuse(h, "channel", "names more than one");
	h->opening.sub.channels = h->channels;
	h->opening.sub.channel_count = n;
	return 0;
}

static int
handoff_get_bytes(struct handoff *h, struct json_object *o, const char *name,
    struct buffer *to)
{
	struct text_span hex;
	char *at;

	if (handoff_get_text(h, o, name, SIZE_MAX, &hex) == -1)
		return -1;
	if (hex.len % 2 != 0)
		return handoff_refuse(h, name, "is cut off");
	if (hex.len == 0)
		return 0;
	if ((at = buffer_reserve(to, hex.len / 2)) == NULL)
		return handoff_refuse(h, name, "does not fit into memory");
	/* A door writes small letters. */
	if (strspn(hex.text, "0123456789abcdef") < hex.len ||
	    text_hex_decode(hex.text, hex.len, at) == -1)
		return handoff_refuse(h, name, "is not hexadecimal");
	buffer_commit(to, hex.len / 2);
	return 0;
}

static const struct config_route *
handoff_find_program(const struct config *config, struct text_span title)
{
	size_t i;

	for (i = 0; i < config->route_count; i++)
		if (config->routes[i]->kind == CONFIG_ROUTE_RUN &&
		    text_equals(title, config->routes[i]->title))
			return config->routes[i];
	return NULL;
}

/* The hub runs the programs of its own configuration, whatever a line says. */
static int
handoff_get_program(struct handoff *h, struct json_object *o)
{
	struct request *request = &h->request;
	struct text_span title;
	int got = handoff_get_text(h, o, "run", SIZE_MAX, &title);

	if (got != 1)
		return got;
	h->opening.program = handoff_find_program(h->door->config, title);
	if (h->opening.program == NULL)
		return handoff_refuse(h, "run",
		    "is no route of the hub's configuration");
	if (handoff_get_bytes(h, o, "env", &request->env) == -1 ||
	    handoff_get_bytes(h, o, "body", &h->body) == -1)
		return -1;
	/* request_get relies on a NUL behind the last variable. */
	if (request->env.len > 0 &&
	    request->env.data[request->env.len - 1] != '\0')
		return handoff_refuse(h, "env", "is cut off");
	if (handoff_get_text(h, o, "key", EVENT_NAME_MAX, &h->opening.key) ==
		-1 ||
	    (h->opening.key.len > 0 &&
		event_check_id(h->opening.key.text, h->opening.key.len) !=
		    NULL))
		return handoff_refuse(h, "key", "is none");
	h->opening.sub.ends_with_run = config_route_is_run(h->opening.program);
	request->body.text = h->body.data;
	request->body.len = h->body.len;
	h->opening.request = request;
	return 0;
}

/* A rule in milliseconds, unset if the line does not have it. */
static int
handoff_get_rule(struct handoff *h, struct json_object *o, const char *name,
    const struct limit *limit, uint64_t *ms)
{
	int got = handoff_get_number(h, o, name, limit, ms);

	if (got == 0)
		*ms = STREAM_RULE_UNSET;
	return got;
}

static int
handoff_get_rules(struct handoff *h, struct json_object *o)
{
	h->opening.sub.rules = &h->rules;
	if (handoff_get_rule(h, o, "heartbeat_ms",
		&limit_of[LIMIT_HEARTBEAT_MS], &h->rules.heartbeat_ms) == -1 ||
	    handoff_get_rule(h, o, "retry_ms", &limit_of[LIMIT_RETRY_MS],
		&h->rules.retry_ms) == -1 ||
	    handoff_get_rule(h, o, "max_time_ms", &limit_of[LIMIT_MAX_TIME_MS],
		&h->rules.max_time_ms) == -1 ||
	    handoff_get_number(h, o, "limit_ms", &limit_of[LIMIT_STREAM_MS],
		&h->opening.sub.limit_ms) == -1)
		return -1;
	return 0;
}

static int
handoff_check_descriptor(struct handoff *h, int fd)
{
	struct descriptor d;
	const char *why = descriptor_check(fd, &d);

	if (why != NULL)
		return handoff_refuse(h, "the descriptor", why);
	h->opening.sub.is_pipe = d.is_pipe;
	h->opening.sub.is_half_open =
	    d.is_unix && h->opening.sub.framing == &h->door->raw;
	return 0;
}

static int
handoff_get_framing(struct handoff *h, struct json_object *o)
{
	struct text_span framing;

	if (handoff_get_text(h, o, "framing", 16, &framing) == -1)
		return -1;
	if (text_equals(framing, HANDOFF_FASTCGI))
		h->opening.sub.framing = &h->door->handed;
	else if (text_equals(framing, HANDOFF_RAW))
		h->opening.sub.framing = &h->door->raw;
	else
		return handoff_refuse(h, "framing",
		    "is neither " HANDOFF_FASTCGI " nor " HANDOFF_RAW);
	/* A raw stream ends with its connection: there is no next request. */
	if (h->opening.sub.keep && h->opening.sub.framing == &h->door->raw)
		return handoff_refuse(h, "keep", "is not for this framing");
	return 0;
}

/* How the stream's bytes are wrapped, and what it begins and ends with. */
static int
handoff_get_wire(struct handoff *h, struct json_object *o)
{
	static const struct limit requests = { 0, UINT16_MAX };
	struct subscription *sub = &h->opening.sub;
	uint64_t request;
	int got;

	if (handoff_get_flag(h, o, "keep", &sub->keep) == -1 ||
	    handoff_get_framing(h, o) == -1 ||
	    handoff_get_number(h, o, "request", &requests, &request) == -1 ||
	    handoff_get_text(h, o, "head", HANDOFF_HEAD_MAX, &sub->head) == -1)
		return -1;
	/* Records with request id 0 are no stream's (FastCGI, 3.3). */
	if (request == 0 && sub->framing != &h->door->raw)
		return handoff_refuse(h, "request", "is out of range");
	sub->request_id = (uint16_t)request;
	got = handoff_get_text(h, o, "end", HANDOFF_HEAD_MAX, &sub->end);
	sub->has_end = got == 1;
	return got == -1 ? -1 : 0;
}

/* From where on, and whether the client polls. */
static int
handoff_get_position(struct handoff *h, struct json_object *o)
{
	struct subscription *sub = &h->opening.sub;
	int got;

	if (handoff_get_text(h, o, "since", SIZE_MAX, &sub->since) == -1 ||
	    handoff_get_flag(h, o, "all", &sub->since_all) == -1 ||
	    handoff_get_flag(h, o, "terse", &sub->is_terse) == -1 ||
	    handoff_get_flag(h, o, "tag", &sub->is_tagged) == -1 ||
	    handoff_get_flag(h, o, "poll", &sub->is_poll) == -1 ||
	    handoff_get_number(h, o, "poll_ms", &limit_of[LIMIT_POLL_MS],
		&sub->poll_ms) == -1 ||
	    handoff_get_number(h, o, "poll_above", &limit_of[LIMIT_POLL_ABOVE],
		&sub->poll_above) == -1)
		return -1;
	got =
	    handoff_get_number(h, o, "last", &limit_of[LIMIT_LAST], &sub->last);
	sub->has_last = got == 1;
	return got == -1 ? -1 : 0;
}

static int
handoff_read(struct handoff *h, struct json_object *o, int fd)
{
	struct subscription *sub = &h->opening.sub;

	/* 1. How it is written. */
	if (handoff_get_wire(h, o) == -1)
		return -1;
	/* 2. What it brings: a program's output, else channels' events. */
	if (handoff_get_program(h, o) == -1 || handoff_get_channels(h, o) == -1)
		return -1;
	/* 3. By which rules, and from where on. */
	if (handoff_get_rules(h, o) == -1 || handoff_get_position(h, o) == -1)
		return -1;
	/* 4. For whom, and what was read from the descriptor already. */
	if (handoff_get_name(h, o, "user", &sub->user) == -1 ||
	    handoff_get_name(h, o, "address", &sub->address) == -1 ||
	    handoff_get_bytes(h, o, "input", &h->input) == -1)
		return -1;
	sub->from_run = true;
	sub->input.text = h->input.data;
	sub->input.len = h->input.len;
	/* 5. To where: last, for it changes the descriptor. */
	sub->fd = fd;
	return handoff_check_descriptor(h, fd);
}

static int
handoff_put_reply(struct buffer *b, const struct opening_result *result)
{
	bool is_answered = result->refusal.status == 0;
	const char *word = "", *error = result->refusal.text;
	struct json_object *o;

	/*
	 * The door must hear of a stream that is open, or it hands it over
	 * again: this reply takes no memory but b's.
	 */
	if (opening_is_done(result))
		return buffer_append_text(b,
		    "{\"ok\":true,\"answer\":\"opened\"}\n");
	if (is_answered) {
		word = handoff_answer_word(result->answer);
		error = hub_answer_text(result->answer);
	}
	o = reply_new(false);
	if (is_answered)
		json_add_string(o, "answer", word);
	/* A run that is there is no fault of the door's, nor of the hub's. */
	if (result->refusal.status == 409) {
		json_add_number(o, "status", 409);
		json_add_string(o, "since", result->since);
	}
	reply_add_error(o, is_answered ? EX_TEMPFAIL : EX_DATAERR, error);
	return json_append_line(b, o);
}

static void
handoff_clear(struct handoff *h)
{
	buffer_clear(&h->input);
	buffer_clear(&h->body);
	request_clear(&h->request);
}

int
handoff_take(void *arg, struct json_object *line, int fd, struct buffer *reply)
{
	struct handoff h = { .door = arg };
	int rc;

	if (handoff_read(&h, line, fd) == 0) {
		/* A user whom a token names is in no variable of the request.
		 */
		h.request.user = h.opening.sub.user.text;
		sources_open(&h.door->sources, &h.opening, &h.result);
	}
	if (opening_is_done(&h.result))
		h.door->counters.handoffs++;
	else
		close(fd);
	rc = handoff_put_reply(reply, &h.result);
	handoff_clear(&h);
	return rc;
}
