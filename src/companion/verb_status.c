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
    "usage: crier status [-c | -s | -v] [-j]\n"
    "       crier status [-j] CHANNEL\n"
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
    "  -s  the open streams instead, at most 1000: what close --stream takes\n"
    "  -v  all that crierd counts, and the limits\n"
    "  -h  this text\n"
    "\n"
    "exit status: 0 shown, 64 wrong usage, 65 bad channel, 69 no crierd, 75 try\n"
    "again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier status\n"
    "  crier status room/7\n"
    "  crier -w 10 status -j | jq .streams\n";

struct status_options {
	bool json;
	int what;            /* 'c', 's', 'v', or 0 */
	const char *channel; /* or NULL */
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
	{ "", "streams_turned_away", true },
	{ "", "users", false },
	{ "", "channels", false },
	{ "", "history_bytes", false },
	{ "events", "published", false },
	{ "events", "refused", false },
	{ "events", "delivered", false },
	{ "events", "gaps", false },
	{ "latency", "p50_us", true },
	{ "latency", "p99_us", true },
	{ "configuration", "reload_error", true },
	{ "store", "kind", false },
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

static void
status_print_streams(struct json_object *status)
{
	struct json_object *list = json_member(status, "list"), *o;
	size_t i;

	printf("%8s %8s %8s %-16s %-16s %-8s channels\n", "stream", "seconds",
	    "events", "user", "address", "door");
	for (i = 0; i < json_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		printf("%8s %8s %8s %-16s %-16s %-8s", status_text(o, "stream"),
		    status_text(o, "seconds"), status_text(o, "events"),
		    status_text(o, "user"), status_text(o, "address"),
		    status_text(o, "door"));
		status_print_channels(o);
		putchar('\n');
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
	else if (options->what == 'c')
		status_print_list(r.json);
	else
		status_table_print(r.json,
		    options->what == 'v' || options->channel != NULL
			? NULL
			: status_is_shown,
		    stdout);
	reply_clear(&r);
	return 0;
}

static struct json_object *
status_command(const struct status_options *options)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "do",
	    options->channel == NULL ? "status" : "presence");
	if (options->channel != NULL)
		json_add_value(o, "channel",
		    json_object_new_string(options->channel));
	if (options->what == 's' || options->what == 'c')
		json_add_flag(o, options->what == 's' ? "streams" : "channels",
		    true);
	return o;
}

static int
status_run(const struct verb_env *env, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct status_options options = { false, 0, NULL };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_status, argc, argv, ":cjsvh", longs,
		    &begun)) != -1) {
		if (c == 'h')
			return verb_finish(0);
		if (c == 'j')
			options.json = true;
		else if (strchr("csv", c) == NULL)
			return EX_USAGE;
		else if (options.what != 0 && options.what != c)
			return verb_usage(&verb_status,
			    "-c, -s and -v show different things");
		else
			options.what = c;
	}
	if (optind < argc)
		options.channel = argv[optind++];
	if (optind < argc)
		return verb_usage(&verb_status, "takes one channel at most");
	if (options.channel != NULL && options.what != 0)
		return verb_usage(&verb_status,
		    "-c, -s and -v are not about one channel");
	return verb_ask(env, status_command(&options), status_show, &options);
}

const struct verb verb_status = { "status", "show what crierd is doing",
	status_help, status_run };
