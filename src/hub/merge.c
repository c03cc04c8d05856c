/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The answers of all nodes as one reply.  Numbers are summed; streams stand in
 * one list, each with its node; a channel or a user that several nodes have is
 * in the list once.  What does not look as a node's answer counts as none.
 */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/merge.h"
#include "hub/nodes.h"
#include "hub/presence.h"
#include "hub/run.h"
#include "hub/state.h"
#include "hub/status.h"

/* What is made one. */
struct merge {
	const struct command *command;
	const struct store_answer *answers;
	struct json_object **parts; /* of each answer; NULL: none */
	size_t count;
	struct json_object *reply;
};

static uint64_t
merge_number(struct json_object *o, const char *name)
{
	uint64_t n = 0;

	json_get_whole(json_member(o, name), UINT64_MAX, &n);
	return n;
}

static uint64_t
merge_sum(const struct merge *m, const char *name)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		sum += merge_number(m->parts[i], name);
	return sum;
}

/* Calls with each element of the list that an answer has. */
static void
merge_each(const struct merge *m, const char *list,
    void (*each)(void *arg, size_t answer, struct json_object *element),
    void *arg)
{
	struct json_object *elements;
	size_t i, k;

	for (i = 0; i < m->count; i++) {
		elements = json_member(m->parts[i], list);
		for (k = 0; k < json_length(elements); k++)
			each(arg, i, json_object_array_get_idx(elements, k));
	}
}

/* A list of at most so many elements in this order; takes the elements. */
struct merge_list {
	struct json_object **elements;
	size_t count, room;
};

static void
merge_list_add(struct merge_list *l, struct json_object *element)
{
	struct json_object **grown;

	if (l->count == l->room) {
		grown = reallocarray(l->elements, 2 * l->room + 64,
		    sizeof(struct json_object *));
		if (grown == NULL) {
			json_object_put(element);
			return;
		}
		l->elements = grown;
		l->room = 2 * l->room + 64;
	}
	l->elements[l->count++] = element;
}

static struct json_object *
merge_list_end(struct merge_list *l, size_t most,
    int (*compare)(const void *, const void *))
{
	struct json_object *array = json_object_new_array();
	size_t i;

	if (l->count > 0)
		qsort(l->elements, l->count, sizeof(struct json_object *),
		    compare);
	for (i = 0; i < l->count; i++)
		if (array == NULL || i >= most ||
		    json_object_array_add(array, l->elements[i]) != 0)
			json_object_put(l->elements[i]);
	free(l->elements);
	return array;
}

static size_t
merge_most(const struct command *c, size_t most)
{
	return c->limit > 0 && c->limit < most ? (size_t)c->limit : most;
}

static const char *
merge_text(struct json_object *o, const char *name)
{
	const char *text = json_get_string(json_member(o, name));

	return text == NULL ? "" : text;
}

static int
merge_compare_users(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(merge_text(*x, "user"), merge_text(*y, "user"));
}

/* What several nodes know of by one name, made once. */
struct merge_names {
	struct merge_list list;
	struct json_object *known; /* by name; the list owns what is in it */
	const char *member;        /* that has the name */
	void (*add)(struct json_object *to, struct json_object *from);
};

static void
merge_add_name(void *arg, size_t answer, struct json_object *element)
{
	struct merge_names *n = arg;
	const char *name = json_get_string(json_member(element, n->member));
	struct json_object *to;

	(void)answer;
	if (name == NULL || n->known == NULL)
		return;
	if (json_object_object_get_ex(n->known, name, &to)) {
		n->add(to, element);
		return;
	}
	json_add(n->known, name, json_object_get(element));
	merge_list_add(&n->list, json_object_get(element));
}

static void
merge_set(struct json_object *to, const char *name, uint64_t value)
{
	json_object_object_del(to, name);
	json_add_number(to, name, value);
}

static void
merge_add_user(struct json_object *to, struct json_object *from)
{
	merge_set(to, "streams",
	    merge_number(to, "streams") + merge_number(from, "streams"));
}

/*
 * The least of the last names of lists that were cut: of what is behind it some
 * nodes have said nothing.  NULL: none was cut.
 */
static const char *
merge_find_cut(const struct merge *m)
{
	const char *cut = NULL, *last;
	struct json_object *users;
	bool more;
	size_t i;

	for (i = 0; i < m->count; i++) {
		users = json_member(m->parts[i], "users");
		more = false;
		json_get_flag(json_member(m->parts[i], "more"), &more);
		if (!more || json_length(users) == 0)
			continue;
		last = merge_text(json_object_array_get_idx(users,
				      json_length(users) - 1),
		    "user");
		if (cut == NULL || strcmp(last, cut) < 0)
			cut = last;
	}
	return cut;
}

static void
merge_presence(struct merge *m)
{
	struct merge_names n = { .known = json_object_new_object(),
		.member = "user",
		.add = merge_add_user };
	const char *cut = merge_find_cut(m);
	size_t most = merge_most(m->command, PRESENCE_USERS_MAX), kept = 0, i;
	const struct text_span *name = &m->command->channels[0];

	merge_each(m, "users", merge_add_name, &n);
	for (i = 0; i < n.list.count; i++)
		kept += cut == NULL ||
		    strcmp(merge_text(n.list.elements[i], "user"), cut) <= 0;
	if (kept < most)
		most = kept;
	json_add_text(m->reply, "channel", name->text, name->len);
	json_add_number(m->reply, "streams", merge_sum(m, "streams"));
	i = n.list.count;
	json_add(m->reply, "users",
	    merge_list_end(&n.list, most, merge_compare_users));
	json_add_number(m->reply, "anonymous", merge_sum(m, "anonymous"));
	if (most < i || cut != NULL)
		json_add_flag(m->reply, "more", true);
	json_object_put(n.known);
}

/* The same history at several nodes: the most that one has of it. */
static void
merge_add_channel(struct json_object *to, struct json_object *from)
{
	static const char *const most[] = { "events", "history_bytes",
		"published" };
	static const char newest[] = "newest_seconds";
	struct json_object *value;
	size_t i;

	merge_add_user(to, from);
	for (i = 0; i < sizeof most / sizeof most[0]; i++)
		if (merge_number(from, most[i]) > merge_number(to, most[i]))
			merge_set(to, most[i], merge_number(from, most[i]));
	value = json_member(from, newest);
	if (value != NULL &&
	    (json_member(to, newest) == NULL ||
		merge_number(from, newest) < merge_number(to, newest)))
		merge_set(to, newest, merge_number(from, newest));
}

/* By what channels are sorted, as hub_status_channels does. */
static const char *const merge_keys[COMMAND_SORTS] = {
	[COMMAND_SORT_EVENTS] = "events",
	[COMMAND_SORT_STREAMS] = "streams",
	[COMMAND_SORT_BYTES] = "history_bytes",
	[COMMAND_SORT_PUBLISHED] = "published",
	[COMMAND_SORT_NEWEST] = "newest_seconds",
};

static int
merge_compare_numbers(struct json_object *x, struct json_object *y,
    const char *name)
{
	uint64_t a = merge_number(x, name), b = merge_number(y, name);

	return a == b ? 0 : a > b ? -1 : 1;
}

static int
merge_compare_channels(struct json_object *x, struct json_object *y,
    const char *key)
{
	int order = merge_compare_numbers(x, y, key);

	if (order == 0)
		order = merge_compare_numbers(x, y, "streams");
	return order != 0
	    ? order
	    : strcmp(merge_text(x, "channel"), merge_text(y, "channel"));
}

static int
merge_by_events(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return merge_compare_channels(*x, *y, merge_keys[COMMAND_SORT_EVENTS]);
}

static int
merge_by_streams(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return merge_compare_channels(*x, *y, merge_keys[COMMAND_SORT_STREAMS]);
}

static int
merge_by_bytes(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return merge_compare_channels(*x, *y, merge_keys[COMMAND_SORT_BYTES]);
}

static int
merge_by_published(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return merge_compare_channels(*x, *y,
	    merge_keys[COMMAND_SORT_PUBLISHED]);
}

/* The youngest first; one without an event is the oldest. */
static int
merge_by_newest(const void *a, const void *b)
{
	const char *key = merge_keys[COMMAND_SORT_NEWEST];
	struct json_object *const *x = a, *const *y = b;
	bool has_x = json_member(*x, key) != NULL;
	bool has_y = json_member(*y, key) != NULL;

	if (has_x != has_y)
		return has_x ? -1 : 1;
	return merge_number(*x, key) == merge_number(*y, key)
	    ? merge_compare_channels(*x, *y, "streams")
	    : -merge_compare_numbers(*x, *y, key);
}

static void
merge_channels(struct merge *m)
{
	static int (*const compare[COMMAND_SORTS])(const void *,
	    const void *) = {
		[COMMAND_SORT_EVENTS] = merge_by_events,
		[COMMAND_SORT_STREAMS] = merge_by_streams,
		[COMMAND_SORT_BYTES] = merge_by_bytes,
		[COMMAND_SORT_PUBLISHED] = merge_by_published,
		[COMMAND_SORT_NEWEST] = merge_by_newest,
	};
	struct merge_names n = { .known = json_object_new_object(),
		.member = "channel",
		.add = merge_add_channel };

	merge_each(m, "channel_list", merge_add_name, &n);
	json_add(m->reply, "channel_list",
	    merge_list_end(&n.list, merge_most(m->command, STATUS_CHANNELS_MAX),
		compare[m->command->sort]));
	json_object_put(n.known);
}

/* The oldest first, as each node has them. */
static int
merge_by_age(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	int order = merge_compare_numbers(*x, *y, "seconds");

	if (order == 0)
		order = strcmp(merge_text(*x, "node"), merge_text(*y, "node"));
	return order != 0 ? order : -merge_compare_numbers(*x, *y, "stream");
}

struct merge_adding {
	const struct merge *merge;
	struct merge_list list;
};

/* A stream, or what runs: each with its node. */
static void
merge_add_element(void *arg, size_t answer, struct json_object *element)
{
	struct merge_adding *to = arg;

	if (!json_object_is_type(element, json_type_object))
		return;
	json_add_string(element, "node", to->merge->answers[answer].node);
	merge_list_add(&to->list, json_object_get(element));
}

static void
merge_by_node(struct merge *m, const char *name, size_t most)
{
	struct merge_adding to = { m, { NULL, 0, 0 } };

	merge_each(m, name, merge_add_element, &to);
	json_add(m->reply, name,
	    merge_list_end(&to.list, merge_most(m->command, most),
		merge_by_age));
}

/* What a node said now, or a while ago. */
static struct json_object *
merge_node(struct hub *hub, const struct merge *m, size_t i)
{
	struct json_object *o = json_object_new_object(), *said = m->parts[i];
	const struct nodes_known *known = nodes_find(hub, m->answers[i].node);
	bool has_answered = said != NULL;

	if (said == NULL && known != NULL)
		said = known->said;
	json_add_string(o, "node", m->answers[i].node);
	json_add_flag(o, "answered", has_answered);
	if (json_object_is_type(said, json_type_object)) {
		json_object_object_foreach(said, name, value)
		{
			if (!json_object_is_type(value, json_type_array) &&
			    json_member(o, name) == NULL)
				json_add(o, name, json_object_get(value));
		}
	}
	if (has_answered)
		json_add_number(o, "lag_ms", m->answers[i].ms);
	else if (known != NULL)
		json_add_number(o, "silent_ms",
		    clock_monotonic_ms() - known->heard_ms);
	return o;
}

static void
merge_status(struct hub *hub, struct merge *m)
{
	struct json_object *nodes = json_object_new_array();
	size_t i;

	for (i = 0; nodes != NULL && i < m->count; i++)
		json_object_array_add(nodes, merge_node(hub, m, i));
	json_add_number(m->reply, "streams_everywhere",
	    merge_sum(m, "streams"));
	json_add(m->reply, "nodes", nodes);
	if (m->command->streams)
		merge_by_node(m, "list", STATUS_STREAMS_MAX);
	if (m->command->list_channels)
		merge_channels(m);
	if (m->command->runs)
		merge_by_node(m, "run_list", RUNS_LISTED);
}

/* One node that ended it is enough; else it may be somebody else's. */
static void
merge_stop(struct merge *m)
{
	bool is_denied = false;
	size_t i;

	for (i = 0; i < m->count && !is_denied; i++)
		json_get_flag(json_member(m->parts[i], "denied"), &is_denied);
	json_add_number(m->reply, "stopped", merge_sum(m, "stopped"));
	if (is_denied && merge_sum(m, "stopped") == 0)
		json_add_flag(m->reply, "denied", true);
}

/* The names of nodes that did not answer. */
static void
merge_missing(struct merge *m)
{
	struct json_object *missing = json_object_new_array();
	size_t i;

	for (i = 0; missing != NULL && i < m->count; i++)
		if (m->parts[i] == NULL)
			json_object_array_add(missing,
			    json_object_new_string(m->answers[i].node));
	json_add(m->reply, "missing", missing);
}

struct json_object *
merge_answers(struct hub *hub, const struct command *c,
    const struct store_answer *answers, size_t count)
{
	struct merge m = { .command = c, .answers = answers, .count = count };
	size_t i;

	m.parts = calloc(count + 1, sizeof(struct json_object *));
	m.reply = json_object_new_object();
	if (m.parts == NULL || m.reply == NULL) {
		json_object_put(m.reply);
		free(m.parts);
		return NULL;
	}
	for (i = 0; i < count; i++)
		if (answers[i].text.len > 0)
			m.parts[i] = nodes_parse(answers[i].text);
	if (c->kind == COMMAND_PRESENCE)
		merge_presence(&m);
	else if (c->kind == COMMAND_STATUS)
		merge_status(hub, &m);
	else if (c->kind == COMMAND_STOP)
		merge_stop(&m);
	else
		json_add_number(m.reply, "closed", merge_sum(&m, "closed"));
	merge_missing(&m);
	for (i = 0; i < count; i++)
		json_object_put(m.parts[i]);
	free(m.parts);
	return m.reply;
}
