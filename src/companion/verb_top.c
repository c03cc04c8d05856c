/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "companion/status_table.h"
#include "companion/top_screen.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/reply.h"

/*
 * crier top asks for the status once a second, and shows it as a page; on what
 * is no terminal, or a dumb one, as a line.  What came in between is the
 * difference of two states.  A crierd that goes away is waited for: whoever
 * looks at this wants to see it come back.
 */

static const char top_help[] =
    "usage: crier top [-n COUNT] [--sort KEY]\n"
    "\n"
    "Shows live what crierd does: streams, events a second, how late they are,\n"
    "the busiest channels, and clients that do not take what they are sent.\n"
    "Where there is no terminal, or a dumb one, it prints a line a second.\n"
    "Where several nodes share a store, streams, events and bytes are those of\n"
    "all nodes, and what else the first lines say of the one that is asked.\n"
    "\n"
    "  -n COUNT    end after so many seconds\n"
    "  --sort KEY  channels with most 'published' events first (the default),\n"
    "              'streams', 'events' kept, 'bytes' of memory, or the\n"
    "              'newest' event\n"
    "  -h          this text\n"
    "\n"
    "Keys: s the next KEY, q the end.\n"
    "\n"
    "exit status: 0 ended, 64 wrong usage, 69 no crierd, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier top\n"
    "  crier top --sort streams\n"
    "  crier top -n 60 | tee load.txt\n";

enum {
	TOP_SORT = 256,
	TOP_SECOND_MS = 1000,
	TOP_SLOW = 5,  /* streams that are listed */
	TOP_HEAD = 12, /* lines that no channel gets */
	TOP_CELL = 256
};

static const char *const top_sorts[] = { "published", "streams", "events",
	"bytes", "newest" };

enum {
	TOP_SORTS = sizeof top_sorts / sizeof top_sorts[0]
};

struct top {
	const struct verb_env *env;
	struct client client;
	bool is_connected;
	bool has_screen;
	size_t sort;
	uint64_t left;              /* seconds yet to show; 0: no end */
	struct json_object *before; /* the status of a second ago, or NULL */
	uint64_t before_ms, now_ms;
};

/* A number of the status; 0 if it is not there. */
static uint64_t
top_number(struct json_object *status, const char *group, const char *name)
{
	uint64_t n = 0;

	if (*group != '\0')
		status = json_member(status, group);
	json_get_whole(json_member(status, name), UINT64_MAX, &n);
	return n;
}

/* How much of it came in a second, since the status before. */
static uint64_t
top_rate(const struct top *t, struct json_object *status, const char *group,
    const char *name)
{
	uint64_t now = top_number(status, group, name), before, ms;

	if (t->before == NULL)
		return 0;
	before = top_number(t->before, group, name);
	ms = t->now_ms > t->before_ms ? t->now_ms - t->before_ms : 1;
	/* Another crierd counts from 0. */
	return now < before ? 0 : (now - before) * 1000 / ms;
}

/* A member as the status shows it, "-" if it is not there. */
static void
top_text(struct json_object *o, const char *name, char to[TOP_CELL])
{
	status_table_format(name, json_member(o, name), to, TOP_CELL);
}

static int
top_put_line(const struct top *t, struct json_object *s, struct buffer *b)
{
	struct json_object *latency = json_member(s, "latency");
	char p50[TOP_CELL], p99[TOP_CELL];

	top_text(latency, "p50_us", p50);
	top_text(latency, "p99_us", p99);
	return buffer_printf(b,
	    "streams %" PRIu64 " opened %" PRIu64 "/s closed %" PRIu64
	    "/s in %" PRIu64 "/s out %" PRIu64 "/s bytes %" PRIu64
	    "/s p50 %s p99 %s\n",
	    top_number(s, "", "streams"), top_rate(t, s, "", "streams_opened"),
	    top_rate(t, s, "", "streams_closed"),
	    top_rate(t, s, "events", "published"),
	    top_rate(t, s, "events", "delivered"),
	    top_rate(t, s, "events", "sent_bytes"), p50, p99);
}

static int
top_put_head(const struct top *t, struct json_object *s, struct buffer *b)
{
	char version[TOP_CELL], up[TOP_CELL], memory[TOP_CELL], kind[TOP_CELL];
	bool is_degraded = false;

	top_text(s, "version", version);
	top_text(s, "uptime_seconds", up);
	top_text(s, "history_bytes", memory);
	top_text(json_member(s, "store"), "kind", kind);
	json_get_flag(json_member(json_member(s, "store"), "degraded"),
	    &is_degraded);
	if (buffer_printf(b, "crier %s, up %s\n", version, up) == -1 ||
	    top_put_line(t, s, b) == -1)
		return -1;
	return buffer_printf(b,
	    "channels %" PRIu64 " in %s; streams at most %" PRIu64
	    "; refused %" PRIu64 ", gaps %" PRIu64 ", turned away %" PRIu64
	    "; programs %" PRIu64 "; store %s%s\n\n",
	    top_number(s, "", "channels"), memory,
	    top_number(s, "limits", "max_streams"),
	    top_number(s, "events", "refused"), top_number(s, "events", "gaps"),
	    top_number(s, "", "streams_turned_away"),
	    top_number(s, "fastcgi", "programs"), kind,
	    is_degraded ? ", DEGRADED" : "");
}

/* How many events the channel had a second ago; none: it was not listed. */
static bool
top_find_before(const struct top *t, const char *name, uint64_t *published)
{
	struct json_object *list = json_member(t->before, "channel_list"), *o;
	size_t i;

	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		if (strcmp(name,
			json_object_get_string(json_member(o, "channel"))) != 0)
			continue;
		*published = top_number(o, "", "published");
		return true;
	}
	return false;
}

static int
top_put_channel(const struct top *t, struct json_object *o, struct buffer *b)
{
	char name[TOP_CELL], memory[TOP_CELL], newest[TOP_CELL], rate[32] = "-";
	uint64_t published = top_number(o, "", "published"), before;
	struct json_object *channel = json_member(o, "channel");
	uint64_t ms = t->now_ms > t->before_ms ? t->now_ms - t->before_ms : 1;

	top_text(o, "channel", name);
	top_text(o, "history_bytes", memory);
	top_text(o, "newest_seconds", newest);
	if (channel != NULL &&
	    top_find_before(t, json_object_get_string(channel), &before) &&
	    published >= before)
		snprintf(rate, sizeof rate, "%" PRIu64,
		    (published - before) * 1000 / ms);
	return buffer_printf(b,
	    "%8" PRIu64 " %8s %10" PRIu64 " %8" PRIu64 " %10s %11s  %s\n",
	    top_number(o, "", "streams"), rate, published,
	    top_number(o, "", "events"), memory, newest, name);
}

static int
top_put_channels(const struct top *t, struct json_object *s, struct buffer *b)
{
	struct json_object *list = json_member(s, "channel_list");
	size_t i;

	if (buffer_printf(b, "\t%8s %8s %10s %8s %10s %11s  %s\n", "streams",
		"events/s", "published", "kept", "memory", "last event",
		"channel") == -1)
		return -1;
	for (i = 0; i < json_length(list); i++)
		if (top_put_channel(t, json_object_array_get_idx(list, i), b) ==
		    -1)
			return -1;
	return buffer_append(b, "\n", 1);
}

/* What close --stream takes: with the stream's node, if there are several. */
static void
top_stream_id(struct json_object *stream, char to[2 * TOP_CELL])
{
	char number[TOP_CELL], node[TOP_CELL];

	top_text(stream, "stream", number);
	top_text(stream, "node", node);
	if (json_member(stream, "node") == NULL)
		snprintf(to, (size_t)2 * TOP_CELL, "%s", number);
	else
		snprintf(to, (size_t)2 * TOP_CELL, "%s.%s", node, number);
}

static int
top_put_slow(struct json_object *s, struct buffer *b)
{
	char user[TOP_CELL], address[TOP_CELL], waits[TOP_CELL], on[TOP_CELL],
	    id[2 * TOP_CELL];
	struct json_object *list = json_member(s, "list"), *o;
	size_t i;

	if (json_length(list) == 0)
		return 0;
	if (buffer_printf(b, "\t%8s %11s %-16s %-16s %s\n", "slow", "waits",
		"user", "address", "channels") == -1)
		return -1;
	for (i = 0; i < json_length(list) && i < TOP_SLOW; i++) {
		o = json_object_array_get_idx(list, i);
		top_text(o, "user", user);
		top_text(o, "address", address);
		top_text(o, "waiting_ms", waits);
		top_text(o, "channels", on);
		top_stream_id(o, id);
		if (buffer_printf(b, "%8s %11s %-16s %-16s %s\n", id, waits,
			user, address, on) == -1)
			return -1;
	}
	return buffer_append(b, "\n", 1);
}

/* The nodes at a shared store. */
static int
top_put_nodes(struct json_object *s, struct buffer *b)
{
	struct json_object *list = json_member(s, "nodes"), *o;
	char name[TOP_CELL], lag[TOP_CELL];
	size_t i;

	if (json_length(list) == 0)
		return 0;
	if (buffer_printf(b, "\t%8s %10s %10s %11s  %s\n", "streams",
		"published", "delivered", "answered in", "node") == -1)
		return -1;
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		top_text(o, "node", name);
		top_text(o, "lag_ms", lag);
		if (buffer_printf(b,
			"%8" PRIu64 " %10" PRIu64 " %10" PRIu64 " %11s  %s\n",
			top_number(o, "", "streams"),
			top_number(o, "", "published"),
			top_number(o, "", "delivered"), lag, name) == -1)
			return -1;
	}
	return buffer_append(b, "\n", 1);
}

static int
top_put_page(const struct top *t, struct json_object *s, struct buffer *b)
{
	if (top_put_head(t, s, b) == -1 || top_put_nodes(s, b) == -1 ||
	    top_put_slow(s, b) == -1 || top_put_channels(t, s, b) == -1)
		return -1;
	return buffer_printf(b, "sorted by %s; s: by something else, q: end\n",
	    top_sorts[t->sort]);
}

static void
top_show(const struct top *t, const struct buffer *b)
{
	if (t->has_screen) {
		top_screen_show(b);
		return;
	}
	fwrite(b->data, 1, b->len, stdout);
	fflush(stdout);
}

/* The line that asks, for as many channels as there is room for. */
static int
top_put_question(const struct top *t, struct buffer *line)
{
	size_t lines = t->has_screen ? top_screen_size().lines : 0;
	struct json_object *o = json_object_new_object();

	json_add_string(o, "do", "status");
	if (t->has_screen) {
		json_add_flag(o, "channels", true);
		json_add_flag(o, "streams", true);
		json_add_flag(o, "slow", true);
		json_add_string(o, "sort", top_sorts[t->sort]);
		json_add_number(o, "limit",
		    lines > TOP_HEAD ? lines - TOP_HEAD : 1);
	}
	return json_append_line(line, o);
}

/* Asks; the status, the caller's, or NULL with errno: crierd is not there. */
static struct json_object *
top_ask(struct top *t)
{
	struct buffer line = { 0 };
	const char *reply = NULL;
	struct reply r = { 0 };
	size_t len = 0;
	int rc = 0;

	if (!t->is_connected)
		rc = client_try(&t->client, t->env->queue, 0, 0);
	t->is_connected = rc == 0;
	if (rc == 0 && (rc = top_put_question(t, &line)) == 0)
		rc = client_ask(&t->client, &line, -1, &reply, &len);
	buffer_clear(&line);
	if (rc == 0 && reply_read(&r, reply, len) == 0 && r.is_ok) {
		t->now_ms = clock_monotonic_ms();
		return r.json;
	}
	if (rc == 0) {
		reply_clear(&r);
		errno = EPROTO;
	}
	if (t->is_connected)
		client_close(&t->client);
	t->is_connected = false;
	return NULL;
}

/*
 * Where several nodes share a store, figures that can be summed are those of
 * all; of one that does not answer they are as it last said them.
 */
static void
top_sum_nodes(struct json_object *s)
{
	static const struct {
		const char *group, *name, *of_node;
	} sums[] = { { "", "streams", "streams" },
		{ "", "streams_opened", "opened" },
		{ "", "streams_closed", "closed" },
		{ "events", "published", "published" },
		{ "events", "delivered", "delivered" },
		{ "events", "sent_bytes", "sent_bytes" } };
	struct json_object *nodes = json_member(s, "nodes"), *o;
	uint64_t sum;
	size_t i, k;

	for (i = 0; i < sizeof sums / sizeof sums[0]; i++) {
		o = *sums[i].group == '\0' ? s : json_member(s, sums[i].group);
		if (json_length(nodes) == 0 || o == NULL)
			continue;
		for (sum = 0, k = 0; k < json_length(nodes); k++)
			sum += top_number(json_object_array_get_idx(nodes, k),
			    "", sums[i].of_node);
		json_object_object_del(o, sums[i].name);
		json_add_number(o, sums[i].name, sum);
	}
}

static void
top_turn(struct top *t)
{
	struct buffer b = { 0 };
	struct json_object *s = top_ask(t);
	int rc;

	top_sum_nodes(s);
	if (s == NULL)
		rc = buffer_printf(&b, "crierd does not answer: %s\n",
		    strerror(errno));
	else
		rc = t->has_screen ? top_put_page(t, s, &b)
				   : top_put_line(t, s, &b);
	if (rc == 0)
		top_show(t, &b);
	buffer_clear(&b);
	json_object_put(t->before);
	t->before = s;
	t->before_ms = t->now_ms;
}

/* Until the next second, or a key that changes something.  False: the end. */
static bool
top_wait(struct top *t)
{
	int key;

	if (!t->has_screen) {
		clock_sleep_ms(TOP_SECOND_MS);
		return true;
	}
	key = top_screen_key(TOP_SECOND_MS);
	if (key == 's')
		t->sort = (t->sort + 1) % TOP_SORTS;
	return key != 'q';
}

/* 0, -1 after help, or the exit code. */
static int
top_options(struct top *t, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "sort", 1, NULL, TOP_SORT }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_top, argc, argv, ":n:h", longs,
		    &begun)) != -1) {
		if (c == 'h')
			return -1;
		if (c == 'n' &&
		    (!text_parse_number(optarg, strlen(optarg), UINT32_MAX,
			 &t->left) ||
			t->left == 0))
			return verb_usage(&verb_top, "-n takes a number");
		if (c == '?')
			return EX_USAGE;
		if (c != TOP_SORT)
			continue;
		for (t->sort = 0; t->sort < TOP_SORTS; t->sort++)
			if (strcmp(optarg, top_sorts[t->sort]) == 0)
				break;
		if (t->sort == TOP_SORTS)
			return verb_usage(&verb_top,
			    "--sort takes published, streams, events, bytes "
			    "or newest");
	}
	if (optind < argc)
		return verb_usage(&verb_top, "takes no argument");
	return 0;
}

static int
top_run(const struct verb_env *env, int argc, char **argv)
{
	struct top t = { .env = env };
	int rc = top_options(&t, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	/* Nothing is shown before there was a crierd. */
	if ((rc = client_open(&t.client, env->queue, env->wait_ms)) != 0) {
		client_close(&t.client);
		return rc;
	}
	t.is_connected = true;
	t.has_screen = top_screen_open();
	do {
		top_turn(&t);
		if (t.left > 0 && --t.left == 0)
			break;
	} while (top_wait(&t) && !ferror(stdout));
	top_screen_close();
	json_object_put(t.before);
	if (t.is_connected)
		client_close(&t.client);
	return verb_finish(0);
}

const struct verb verb_top = { "top", "show live what crierd is doing",
	top_help, top_run };
