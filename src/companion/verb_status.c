/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <json-c/json.h>

#include "base/json.h"
#include "companion/status_table.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/reply.h"

/*
 * crier status shows what crierd says of itself, of its streams and channels,
 * or of who follows a channel.  The figures are printed as they come
 * (status_table.h), so this file knows none of them but those that are left out
 * without -v.
 */

static const char status_help[] =
    "usage: crier status [-c | -r | -s | -v] [-j] [--here]\n"
    "       crier status [-j] [--here] CHANNEL\n"
    "       crier status --names [PART]\n"
    "\n"
    "Shows how crierd is doing, or who follows a channel now: its users in\n"
    "order, at most 1000, with their streams, and how many are of nobody whom\n"
    "the web server knows.\n"
    "\n"
    "  -c  the channels instead, at most 1000: those with most events in "
    "memory\n"
    "      first, the memory of these, and how many streams follow them\n"
    "  -j  one line of JSON, with bytes, milliseconds and seconds as they "
    "are\n"
    "  -r  what runs in channels instead, at most 1000: since when, how many\n"
    "      streams follow it, and its events and bytes\n"
    "  -s  the open streams instead, at most 1000: what close --stream takes\n"
    "  -v  all that crierd counts, and the limits\n"
    "  --names  the names alone of channels, one a line, at most 1000; with\n"
    "           PART those that have it in their names\n"
    "  --here   of this node alone, if several share a store; without it "
    "lists,\n"
    "           and who follows a channel, are those of all nodes\n"
    "  -h  this text\n"
    "\n"
    "exit status: 0 shown, 64 wrong usage, 65 bad channel, 69 no crierd, 75 try\n"
    "again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier status\n"
    "  crier status room/7\n"
    "  crier -w 10 status -j | jq .streams\n";

enum {
	STATUS_NAMES = 256, /* the options without a letter */
	STATUS_HERE,
	STATUS_ID_SIZE = 64
};

struct status_options {
	bool json, here;
	int what;            /* 'c', 'r', 's', 'v', STATUS_NAMES, or 0 */
	const char *channel; /* or the part of names; or NULL */
};

/* The members that are shown without -v. */
static const struct status_member {
	const char *group, *name;
	bool is_rare; /* shown only if there is something to tell */
} status_members[] = {
	{ "", "version", false },
	{ "", "pid", false },
	{ "", "uptime_seconds", false },
	{ "", "draining", true },
	{ "", "streams", false },
	{ "", "streams_everywhere", true },
	{ "", "streams_turned_away", true },
	{ "", "users", false },
	{ "", "channels", false },
	{ "", "nodes", false },
	{ "", "history_bytes", false },
	{ "events", "published", false },
	{ "events", "refused", false },
	{ "events", "delivered", false },
	{ "events", "gaps", false },
	{ "latency", "p50_us", true },
	{ "latency", "p99_us", true },
	{ "configuration", "reload_error", true },
	{ "store", "kind", false },
	{ "store", "state", false },
	{ "store", "master", true },
	{ "store", "down_ms", true },
	{ "store", "nodes", false },
	{ "store", "position", false },
	{ "store", "lag_ms", false },
	{ "store", "floor", false },
	{ "store", "connects", false },
	{ "store", "cuts", true },
	{ "store", "doubts", true },
	{ "store", "degraded", false },
	{ "store", "events", false },
	{ "store", "errors", true },
	{ "store", "last_error", true },
};

static bool
status_is_shown(const char *group, const char *name, struct json_object *value)
{
	const size_t count = sizeof status_members / sizeof *status_members;
	const struct status_member *m;

	for (m = status_members; m < status_members + count; m++)
		if (strcmp(m->group, group) == 0 && strcmp(m->name, name) == 0)
			/* Of JSON, 0 and "" are false, too. */
			return !m->is_rare || json_object_get_boolean(value);
	return false;
}

/* A member as text, or "-" for none; json-c's until the object is freed. */
static const char *
status_text(struct json_object *o, const char *name)
{
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(o, name, &value))
		return "-";
	text = json_object_get_string(value);
	return text == NULL || *text == '\0' ? "-" : text;
}

static void
status_print_channels(struct json_object *stream)
{
	struct json_object *names = json_member(stream, "channels");
	size_t i;

	for (i = 0; i < json_length(names); i++)
		printf("%s%s", i == 0 ? " " : ",",
		    json_object_get_string(json_object_array_get_idx(names,
			i)));
}

/* What close --stream takes: with the stream's node, if there are several. */
static void
status_print_stream_id(struct json_object *stream, int width)
{
	char text[STATUS_ID_SIZE];
	const char *node = json_get_string(json_member(stream, "node"));

	snprintf(text, sizeof text, "%s%s%s", node == NULL ? "" : node,
	    node == NULL ? "" : ".", status_text(stream, "stream"));
	printf("%*s", width, text);
}

/* The first stream's id is about as long as the others'. */
static int
status_find_width(struct json_object *list)
{
	const char *node =
	    json_get_string(json_member(json_object_array_get_idx(list, 0),
		"node"));

	return node == NULL ? 8 : (int)strlen(node) + 8;
}

static void
status_print_streams(struct json_object *status)
{
	struct json_object *list = json_member(status, "list"), *o;
	int width = json_length(list) > 0 ? status_find_width(list) : 8;
	size_t i;

	printf("%*s %8s %8s %-16s %-16s %-8s channels\n", width, "stream",
	    "seconds", "events", "user", "address", "door");
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		status_print_stream_id(o, width);
		printf(" %8s %8s %-16s %-16s %-8s", status_text(o, "seconds"),
		    status_text(o, "events"), status_text(o, "user"),
		    status_text(o, "address"), status_text(o, "door"));
		status_print_channels(o);
		putchar('\n');
	}
}

static void
status_print_runs(struct json_object *status)
{
	struct json_object *list = json_member(status, "run_list"), *o;
	size_t i;

	printf("%8s %8s %8s %10s %-16s %-16s channel\n", "seconds", "streams",
	    "events", "bytes", "user", "since");
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		printf("%8s %8s %8s %10s %-16s %-16s %s\n",
		    status_text(o, "seconds"), status_text(o, "streams"),
		    status_text(o, "events"), status_text(o, "bytes"),
		    status_text(o, "user"), status_text(o, "since"),
		    status_text(o, "channel"));
	}
}

static void
status_print_list(struct json_object *status)
{
	struct json_object *list = json_member(status, "channel_list");
	uint64_t channels = 0;

	if (json_length(list) == 0)
		puts("no channel has streams, or events in memory");
	status_table_print_rows(list, stdout);
	json_get_whole(json_member(status, "channels"), UINT64_MAX, &channels);
	if (channels > json_length(list))
		printf("and %" PRIu64 " others\n",
		    channels - json_length(list));
}

static void
status_print_names(struct json_object *status)
{
	struct json_object *list = json_member(status, "channel_list");
	size_t i;

	for (i = 0; i < json_length(list); i++)
		puts(status_text(json_object_array_get_idx(list, i),
		    "channel"));
}

static int
status_show(const void *arg, const char *reply, size_t len)
{
	const struct status_options *options = arg;
	struct reply r;

	if (options->json) {
		fwrite(reply, 1, len, stdout);
		putchar('\n');
		return 0;
	}
	if (reply_read(&r, reply, len) == -1) {
		client_warn("crierd's answer cannot be understood");
		reply_clear(&r);
		return EX_TEMPFAIL;
	}
	if (options->what == 's')
		status_print_streams(r.json);
	else if (options->what == 'r')
		status_print_runs(r.json);
	else if (options->what == STATUS_NAMES)
		status_print_names(r.json);
	else if (options->what == 'c')
		status_print_list(r.json);
	else
		status_table_print(r.json,
		    options->what == 'v' || options->channel != NULL
			? NULL
			: status_is_shown,
		    stdout);
	verb_warn_missing(r.json);
	reply_clear(&r);
	return 0;
}

static struct json_object *
status_command(const struct status_options *options)
{
	struct json_object *o = json_object_new_object();
	bool lists = options->what == 'c' || options->what == STATUS_NAMES;
	bool is_presence = options->channel != NULL && !lists;

	json_add_string(o, "do", is_presence ? "presence" : "status");
	if (options->channel != NULL)
		json_add_value(o, is_presence ? "channel" : "find",
		    json_object_new_string(options->channel));
	if (options->what == 's' || lists)
		json_add_flag(o, lists ? "channels" : "streams", true);
	if (options->what == 'r')
		json_add_flag(o, "runs", true);
	if (options->here)
		json_add_flag(o, "here", true);
	return o;
}

/* The options that say what is shown; 0, or the exit code. */
static int
status_set_what(struct status_options *options, int what)
{
	if (options->what != 0 && options->what != what)
		return verb_usage(&verb_status,
		    "-c, -r, -s, -v and --names show different things");
	options->what = what;
	return 0;
}

static int
status_check(const struct status_options *options)
{
	if (options->what == STATUS_NAMES && options->json)
		return verb_usage(&verb_status,
		    "--names prints names alone; -c -j is all of them in JSON");
	if (options->channel != NULL && options->what != 0 &&
	    options->what != STATUS_NAMES)
		return verb_usage(&verb_status,
		    "-c, -r, -s and -v are not about one channel");
	return 0;
}

static int
status_run(const struct verb_env *env, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "names", 0, NULL, STATUS_NAMES },
		{ "here", 0, NULL, STATUS_HERE }, { NULL, 0, NULL, 0 } };
	struct status_options options = { 0 };
	bool begun = false;
	int c, rc = 0;

	while (rc == 0 &&
	    (c = verb_option(&verb_status, argc, argv, ":cjrsvh", longs,
		 &begun)) != -1) {
		if (c == 'h')
			return verb_finish(0);
		if (c == '?')
			return EX_USAGE;
		if (c == 'j')
			options.json = true;
		else if (c == STATUS_HERE)
			options.here = true;
		else
			rc = status_set_what(&options, c);
	}
	if (rc != 0)
		return rc;
	if (optind < argc)
		options.channel = argv[optind++];
	if (optind < argc)
		return verb_usage(&verb_status, "takes one channel at most");
	if ((rc = status_check(&options)) != 0)
		return rc;
	return verb_ask(env, status_command(&options), status_show, &options);
}

const struct verb verb_status = { "status", "show what crierd is doing",
	status_help, status_run };
