/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "companion/verb.h"
#include "protocol/reply.h"

/* crier close ends streams: a command with one target, and its reply. */

static const char close_help[] =
    "usage: crier close [-v] [--stop] CHANNEL\n"
    "       crier close [-v] [--stop] --user NAME\n"
    "       crier close [-v] --stream ID\n"
    "\n"
    "Ends the streams of a channel, of a user whom the web server knows, or\n"
    "one stream.  Their clients come back by themselves, unless:\n"
    "\n"
    "      --stop       tell them not to come back; for a channel this holds\n"
    "                   until something is published to it\n"
    "  -u, --user NAME  the streams of this user\n"
    "      --stream ID  the stream with this id, as crier status -s has it\n"
    "  -v               say how many streams were ended\n"
    "  -h               this text\n"
    "\n"
    "exit status: 0 done, 64 wrong usage, 65 refused, 69 no crierd, 75 try\n"
    "again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier close news\n"
    "  crier close --stop game/17\n"
    "  crier close --user alice\n";

enum {
	CLOSE_STOP = 256,
	CLOSE_STREAM
};

struct close_options {
	const char *what; /* the name of the target's field */
	const char *value;
	int targets;
	bool stop, verbose;
};

static void
close_target(struct close_options *o, const char *what, const char *value)
{
	o->what = what;
	o->value = value;
	o->targets++;
}

/* 0, -1 after help, or the exit code. */
static int
close_parse(struct close_options *o, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "stop", 0, NULL, CLOSE_STOP }, { "user", 1, NULL, 'u' },
		{ "stream", 1, NULL, CLOSE_STREAM }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_close, argc, argv, ":u:vh", longs,
		    &begun)) != -1)
		switch (c) {
		case CLOSE_STOP:
			o->stop = true;
			break;
		case 'u':
			close_target(o, "user", optarg);
			break;
		case CLOSE_STREAM:
			close_target(o, "stream", optarg);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			return -1;
		default:
			return EX_USAGE;
		}
	for (; optind < argc; optind++)
		close_target(o, "channel", argv[optind]);
	if (o->targets != 1)
		return verb_usage(&verb_close,
		    "give one of CHANNEL, --user, --stream");
	if (o->stop && strcmp(o->what, "stream") == 0)
		return verb_usage(&verb_close,
		    "--stop is for a channel or a user, not for one stream");
	return 0;
}

static struct json_object *
close_command(const struct close_options *o)
{
	struct json_object *command = json_object_new_object();

	json_add_string(command, "do", "close");
	json_add_value(command, o->what, json_object_new_string(o->value));
	if (o->stop)
		json_add_flag(command, "stop", true);
	return command;
}

static int
close_show(const void *arg, const char *reply, size_t len)
{
	const struct close_options *o = arg;
	uint64_t closed;
	struct reply r;

	reply_read(&r, reply, len);
	verb_warn_missing(r.json);
	if (o->verbose &&
	    json_get_whole(json_member(r.json, "closed"), UINT64_MAX, &closed))
		printf("closed %" PRIu64 "\n", closed);
	reply_clear(&r);
	return 0;
}

static int
close_run(const struct verb_env *env, int argc, char **argv)
{
	struct close_options o = { 0 };
	int rc = close_parse(&o, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	return verb_ask(env, close_command(&o), close_show, &o);
}

/* crier stop ends what runs in a channel. */

static const char stop_help[] =
    "usage: crier stop [-v] CHANNEL\n"
    "\n"
    "Ends the program that runs in a channel: it gets SIGTERM and, five\n"
    "seconds later, SIGKILL.  The channel is told as of any other end.\n"
    "\n"
    "  -v  say whether something ran there\n"
    "  -h  this text\n"
    "\n"
    "exit status: 0 done, 64 wrong usage, 65 bad channel, 69 no crierd, 75 try\n"
    "again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier stop build/7\n";

static int
stop_show(const void *arg, const char *reply, size_t len)
{
	const bool *verbose = arg;
	uint64_t stopped;
	struct reply r;

	if (!*verbose)
		return 0;
	reply_read(&r, reply, len);
	if (json_get_whole(json_member(r.json, "stopped"), UINT64_MAX,
		&stopped))
		printf("stopped %" PRIu64 "\n", stopped);
	reply_clear(&r);
	return 0;
}

static int
stop_run(const struct verb_env *env, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct json_object *command;
	bool begun = false, verbose = false;
	int c;

	while ((c = verb_option(&verb_stop, argc, argv, ":vh", longs,
		    &begun)) != -1) {
		if (c == 'h')
			return verb_finish(0);
		if (c == '?')
			return EX_USAGE;
		verbose = true;
	}
	if (argc - optind != 1)
		return verb_usage(&verb_stop, "give one channel");
	command = json_object_new_object();
	json_add_string(command, "do", "stop");
	json_add_value(command, "channel",
	    json_object_new_string(argv[optind]));
	return verb_ask(env, command, stop_show, &verbose);
}

const struct verb verb_stop = { "stop", "end what runs in a channel", stop_help,
	stop_run };

const struct verb verb_close = { "close", "end streams", close_help,
	close_run };
