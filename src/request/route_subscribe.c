/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A request for a stream: where it begins, whether it polls, and of which
 * channels.  A position comes in a header, in the query or in JSON, under
 * several names, for the clients cannot agree on one; and often more than once:
 * a page puts the id that it began with into its URL, and what reconnects adds
 * the id that it has come to.
 */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/quantity.h"
#include "protocol/id.h"
#include "protocol/limits.h"
#include "request/accept.h"
#include "request/route_part.h"

enum {
	ROUTE_JSON_DEPTH = 8
};

/*
 * What two positions are to each other: < 0, 0, > 0 as a is older than, the
 * same as, newer than b; 0 also if nothing tells, which is so for ids of a
 * publisher's own.
 */
static int
route_compare(struct text_span a, struct text_span b)
{
	struct id x, y;

	if (!id_parse(a.text, a.len, &x) || !id_parse(b.text, b.len, &y))
		return 0;
	return id_cmp(x, y);
}

static int
route_take_since(struct route *r, struct text_span text)
{
	char *copy = malloc(text.len);

	if (copy == NULL)
		return refusal_set_memory(&r->refusal);
	memcpy(copy, text.text, text.len);
	free(r->since);
	r->since = copy;
	r->since_len = text.len;
	return 0;
}

/*
 * Adds a position, from a place that counts less than those before; it is taken
 * if there is none yet, or only older ones.
 */
static int
route_add_since(struct route *r, struct text_span text)
{
	struct text_span have = { r->since, r->since_len };

	if (text.len == 0 ||
	    (r->since != NULL && route_compare(text, have) <= 0))
		return 0;
	return route_take_since(r, text);
}

/*
 * Adds what a header brings.  A web server makes one field of a header that is
 * given twice (RFC 9110, 5.2); only where all of the list are ids of our own
 * form can it be told from one id with a comma in it.
 */
static int
route_add_header(struct route *r, const char *header)
{
	struct text_span whole = { header, strlen(header) }, part = whole;
	struct text_span best = { NULL, 0 };
	struct id id;
	size_t n;

	for (;; part.text += n + 1) {
		part.text += strspn(part.text, " \t");
		n = strcspn(part.text, ",");
		part.len = n;
		while (part.len > 0 && strchr(" \t", part.text[part.len - 1]))
			part.len--;
		if (!id_parse(part.text, part.len, &id))
			return route_add_since(r, whole);
		if (best.len == 0 || route_compare(part, best) > 0)
			best = part;
		if (part.text[n] == '\0')
			return route_add_since(r, best);
	}
}

/*
 * Whether the route's templates use this parameter or member.  It then names a
 * channel, and is not also a position.
 */
static bool
route_uses(const struct config_route *c, enum template_source source,
    const char *name)
{
	const struct template *t;
	size_t i, k;

	for (i = 0; i < c->channel_count; i++) {
		t = c->channels[i];
		for (k = 0; k < t->count; k++)
			if (t->pieces[k].source == source &&
			    text_equals(t->pieces[k].text, name))
				return true;
	}
	return false;
}

/*
 * Reads the first parameter of this name.  1 and the caller's text; 0: there is
 * none; -1: refused.
 */
static int
route_read_parameter(struct route *r, const struct route_input *in,
    const char *name, char **text, size_t *len)
{
	struct text_span query = in->target.query;
	const char *why;
	int got;

	if (route_uses(in->found, TEMPLATE_QUERY, name))
		return 0;
	got = request_next_parameter(&query, name, text, len, &why);
	return got == -1 ? refusal_set(&r->refusal, 400, "%s", why) : got;
}

/* Reads a parameter that is a number.  1; 0: there is none; -1: refused. */
static int
route_read_number(struct route *r, const struct route_input *in,
    const char *name, const struct limit *limit, uint64_t *value)
{
	char *text;
	size_t len;
	int got = route_read_parameter(r, in, name, &text, &len);

	if (got != 1)
		return got;
	if (!text_parse_number(text, len, limit->max, value))
		got = refusal_set(&r->refusal, 400,
		    "%s is not a number up to %llu", name,
		    (unsigned long long)limit->max);
	free(text);
	return got;
}

/*
 * Adds all parameters of one name.  Where nothing tells which is newer it is
 * the last, for what reconnects adds its own behind the page's.
 */
static int
route_add_parameters(struct route *r, const struct route_input *in,
    const char *name)
{
	struct text_span query = in->target.query, text = { "", 0 };
	bool is_since = strcmp(name, "since") == 0;
	char *next, *best = NULL;
	const char *why;
	size_t len;
	int got;

	while ((got = request_next_parameter(&query, name, &next, &len,
		    &why)) == 1) {
		struct text_span span = { next, len };
		bool is_all = is_since && text_equals(span, "all");

		r->since_all = r->since_all || is_all;
		if (is_all || len == 0 ||
		    (best != NULL && route_compare(span, text) < 0)) {
			free(next);
			continue;
		}
		free(best);
		best = next;
		text = span;
	}
	if (got == -1)
		refusal_set(&r->refusal, 400, "%s", why);
	else
		got = route_add_since(r, text);
	free(best);
	return got;
}

/*
 * Reads the position.  Polyfills of EventSource cannot set the header, and each
 * has its own name for the parameter.
 */
static int
route_read_since(struct route *r, const struct route_input *in)
{
	static const char *const names[] = { "lastEventId", "last-event-id",
		"Last-Event-ID", "since" };
	size_t i;

	if (route_add_header(r,
		request_get(in->request, "HTTP_LAST_EVENT_ID")) == -1)
		return -1;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (!route_uses(in->found, TEMPLATE_QUERY, names[i]) &&
		    route_add_parameters(r, in, names[i]) == -1)
			return -1;
	return 0;
}

static int
route_set_poll(struct route *r, const char *text, size_t len)
{
	const struct limit *limit = &limit_of[LIMIT_POLL_MS];
	char most[QUANTITY_TEXT_SIZE];
	uint64_t ms;

	if (strlen(text) != len || !quantity_parse_seconds(text, &ms) ||
	    !limit_allows(limit, ms)) {
		quantity_format_seconds(limit->max, most);
		return refusal_set(&r->refusal, 400,
		    "poll is not a number of seconds up to %s", most);
	}
	r->is_poll = true;
	r->poll_ms = ms;
	return 0;
}

/*
 * Whether and how the stream polls: as the client asks, else as the route says,
 * else as the configuration says for all routes.
 */
static int
route_read_poll(struct route *r, const struct route_input *in)
{
	const struct config_route *c = in->found;
	char *text;
	size_t len;
	int got;

	r->poll_ms =
	    c->poll_ms == CONFIG_UNSET ? in->config->poll_ms : c->poll_ms;
	r->poll_above = c->poll_above == CONFIG_UNSET ? in->config->poll_above
						      : c->poll_above;
	got = route_read_parameter(r, in, "poll", &text, &len);
	if (got != 1)
		return got;
	got = route_set_poll(r, text, len);
	free(text);
	return got;
}

int
route_read_position(struct route *r, const struct route_input *in)
{
	int got;

	if (route_read_since(r, in) == -1 || route_read_poll(r, in) == -1)
		return -1;
	got = route_read_number(r, in, "last", &limit_of[LIMIT_LAST], &r->last);
	if (got == -1)
		return -1;
	r->has_last = got == 1;
	got = route_read_number(r, in, "padding",
	    &limit_of[LIMIT_PADDING_BYTES], &r->padding);
	return got == -1 ? -1 : 0;
}

/*
 * Reads "lastEventId", or "since", which may also be "all".  A page that has no
 * id yet sends null or, if its ids are numbers, 0 or -1: these are no position.
 * Any other number is an id, as it was written.
 */
static int
route_read_json_since(struct route *r, const char *name,
    struct json_object *value)
{
	struct text_span text;
	double number;

	if (value == NULL || (json_get_real(value, &number) && number <= 0))
		return 0;
	if (!json_object_is_type(value, json_type_string) &&
	    !json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return refusal_set(&r->refusal, 400,
		    "%s is neither a string nor a number", name);
	if (!json_get_text(value, &text)) {
		text.text = json_object_to_json_string(value);
		if (text.text == NULL)
			return refusal_set_memory(&r->refusal);
		text.len = strlen(text.text);
	}
	if (strcmp(name, "since") != 0 || !text_equals(text, "all"))
		return route_add_since(r, text);
	r->since_all = true;
	return 0;
}

static int
route_read_json_last(struct route *r, const char *name,
    struct json_object *value)
{
	const struct limit *limit = &limit_of[LIMIT_LAST];

	if (!json_get_whole(value, limit->max, &r->last))
		return refusal_set(&r->refusal, 400,
		    "%s is not a number up to %llu", name,
		    (unsigned long long)limit->max);
	r->has_last = true;
	return 0;
}

/* Reads seconds; json-c has kept the number as it was written. */
static int
route_read_json_poll(struct route *r, const char *name,
    struct json_object *value)
{
	const char *text = json_object_to_json_string(value);

	(void)name;
	if (text == NULL)
		return refusal_set_memory(&r->refusal);
	return route_set_poll(r, text, strlen(text));
}

/* Reads the position in a POST's JSON, which is how fetch() subscribes. */
static int
route_read_json_position(struct route *r, const struct route_input *in)
{
	static const struct {
		const char *name;
		int (*read)(struct route *, const char *, struct json_object *);
	} members[] = { { "lastEventId", route_read_json_since },
		{ "since", route_read_json_since },
		{ "last", route_read_json_last },
		{ "poll", route_read_json_poll } };
	struct json_object *value;
	size_t i;

	if (in->values.body.kind != BODY_JSON)
		return 0;
	for (i = 0; i < sizeof members / sizeof *members; i++)
		if (!route_uses(in->found, TEMPLATE_JSON, members[i].name) &&
		    json_object_object_get_ex(in->values.body.json,
			members[i].name, &value) &&
		    members[i].read(r, members[i].name, value) == -1)
			return -1;
	return 0;
}

/* A client that does not say where to begin begins where the route says. */
static void
route_set_last(struct route *r, const struct config_route *c)
{
	if (c->last == CONFIG_UNSET || r->since != NULL || r->since_all ||
	    r->has_last)
		return;
	r->has_last = true;
	r->last = c->last;
}

/*
 * Reads what makes a request that is sent again the same one: what the route
 * says, else the header (draft-ietf-httpapi-idempotency-key-header), which is a
 * string of a structured field (RFC 9651), though many send it bare.
 */
static int
route_read_key(struct route *r, struct route_input *in)
{
	const struct template *t = in->found->fields[CONFIG_FIELD_KEY];
	struct expansion *e = &r->fields[CONFIG_FIELD_KEY];
	const char *header = request_get(in->request, "HTTP_IDEMPOTENCY_KEY");
	size_t len = strlen(header);
	const char *why;

	if (t != NULL && expand_text(t, true, &in->values, e) == -1)
		return -1;
	if (t == NULL && len > 2 && header[0] == '"' && header[len - 1] == '"')
		header++, len -= 2;
	if (t == NULL && buffer_append(&e->text, header, len) == -1)
		return refusal_set_memory(&r->refusal);
	r->event.key = e->text.data;
	r->event.key_len = e->text.len;
	if (e->text.len == 0)
		return 0;
	if ((why = event_check_id(e->text.data, e->text.len)) == NULL)
		return 0;
	return refusal_set(&r->refusal, 400, "the key of the run %s", why);
}

/*
 * Reads a request for a program's output.  What has no channel cannot be taken
 * up again where it was left, so any position is one after the end.
 */
int
route_read_run(struct route *r, struct route_input *in)
{
	if (config_route_is_run(in->found)) {
		if (route_read_used_body(r, in) == -1 ||
		    route_read_channels(r, in) == -1 ||
		    route_read_key(r, in) == -1 ||
		    route_read_position(r, in) == -1)
			return -1;
		if (r->channel_count == 1)
			return 0;
		return refusal_set(&r->refusal, 400,
		    "more than one channel is named");
	}
	if (route_read_position(r, in) == -1)
		return -1;
	r->is_over = in->found->end_stop == 1 && r->since_len > 0;
	return 0;
}

/* A member of a POST's JSON that is not part of a channel's name; or NULL. */
static struct json_object *
route_json_member(const struct route_input *in, const char *name)
{
	if (in->values.body.kind != BODY_JSON ||
	    route_uses(in->found, TEMPLATE_JSON, name))
		return NULL;
	return json_member(in->values.body.json, name);
}

static int
route_set_format(struct route *r, struct text_span format, bool *is_json)
{
	*is_json = text_equals(format, "json");
	if (*is_json || text_equals(format, "stream"))
		return 0;
	return refusal_set(&r->refusal, 400,
	    "format is neither json nor stream");
}

/* Whether the request is for a history as JSON: it says so, or accepts that. */
static int
route_read_format(struct route *r, const struct route_input *in, bool *is_json)
{
	struct text_span word;
	char *text;
	size_t len;
	int got = route_read_parameter(r, in, "format", &text, &len);

	*is_json = accept_prefers_json(request_get(in->request, "HTTP_ACCEPT"));
	if (got == 0 && json_get_text(route_json_member(in, "format"), &word))
		return route_set_format(r, word, is_json);
	if (got != 1)
		return got;
	got = route_set_format(r, (struct text_span){ text, len }, is_json);
	free(text);
	return got;
}

static int
route_set_tag(struct route *r, struct text_span tag)
{
	r->is_tagged = text_equals(tag, "channel");
	return r->is_tagged
	    ? 0
	    : refusal_set(&r->refusal, 400, "tag is not channel");
}

/* Whether the stream says of which channel its events are. */
static int
route_read_tag(struct route *r, const struct route_input *in)
{
	struct json_object *member = route_json_member(in, "tag");
	struct text_span word = { "", 0 };
	char *text;
	size_t len;
	int got = route_read_parameter(r, in, "tag", &text, &len);

	if (got == 1) {
		got = route_set_tag(r, (struct text_span){ text, len });
		free(text);
		return got;
	}
	if (got == -1 || member == NULL)
		return got;
	json_get_text(member, &word);
	return route_set_tag(r, word);
}

/* At most how many events are told; without a word as many as may be. */
static int
route_read_limit(struct route *r, const struct route_input *in)
{
	const struct limit *limit = &limit_of[LIMIT_HISTORY];
	struct json_object *value = route_json_member(in, "limit");
	int got = route_read_number(r, in, "limit", limit, &r->limit);

	if (got == 0 && value != NULL) {
		got = 1;
		if (!json_get_whole(value, limit->max, &r->limit))
			r->limit = 0;
	}
	if (got == -1 || got == 0 || limit_allows(limit, r->limit))
		return got == -1 ? -1 : 0;
	return refusal_set(&r->refusal, 400,
	    "limit is not a number from %llu to %llu",
	    (unsigned long long)limit->min, (unsigned long long)limit->max);
}

/*
 * A subscribing route tells its history at once if it is asked to.  HEAD is
 * told what GET would be, by the same question.
 */
static int
route_read_history(struct route *r, const struct route_input *in)
{
	bool is_json;

	if (route_read_format(r, in, &is_json) == -1)
		return -1;
	if (!is_json)
		return 0;
	r->kind = ROUTE_HISTORY;
	return route_read_limit(r, in);
}

int
route_read_subscription(struct route *r, struct route_input *in)
{
	const struct body *body = &in->values.body;
	unsigned accept = BODY_JSON;

	if (in->found->sources & TEMPLATE_BIT(TEMPLATE_FORM))
		accept |= BODY_FORM;
	if (in->found->sources & TEMPLATE_BIT(TEMPLATE_BODY))
		accept |= BODY_FORM | BODY_TEXT;
	if (route_read_body(r, in, accept, ROUTE_JSON_DEPTH) == -1)
		return -1;
	if (body->kind == BODY_JSON &&
	    !json_object_is_type(body->json, json_type_object))
		return refusal_set(&r->refusal, 400,
		    "the body is not a JSON object");
	if (route_read_channels(r, in) == -1 ||
	    route_read_position(r, in) == -1 ||
	    route_read_json_position(r, in) == -1)
		return -1;
	route_set_last(r, in->found);
	if (route_read_tag(r, in) == -1 || route_read_history(r, in) == -1)
		return -1;
	r->is_over = in->found->end_stop == 1 &&
	    text_equals((struct text_span){ r->since, r->since_len },
		ROUTE_END_ID);
	return 0;
}
