/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/quantity.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/eventstream.h"
#include "protocol/reply.h"

/*
 * crier run begins a program under crierd, in a channel, and may follow it to
 * its end, whose status it then takes over.
 */

static const char run_help[] =
    "usage: crier run [-f] [-k KEY] [--linger SECONDS] CHANNEL COMMAND...\n"
    "\n"
    "Runs a command under crierd, in this directory: its lines become events\n"
    "of the channel, and its end one more.  Prints the position where it\n"
    "begins, for 'crier tail --since'.  'crier stop CHANNEL' ends it, also when\n"
    "Ctrl-C has ended this command; 'crier status -r' lists what runs.\n"
    "\n"
    "  -f                follow it to its end: print what it prints, and end\n"
    "                    with its exit status, or 128 and its signal\n"
    "  -k KEY            a run of this channel with this key is not begun\n"
    "                    again: its position is printed\n"
    "  --linger SECONDS  end it when for so long no stream has followed it\n"
    "  -h                this text\n"
    "\n"
    "exit status: 0 begun, 64 wrong usage, 65 it cannot be started, 69 no\n"
    "crierd, 75 something runs there, or try again, 77 not allowed (run-allow);\n"
    "with -f the command's own, or 128 and the number of its signal\n"
    "\n"
    "examples:\n"
    "  crier run build/7 make -j4\n"
    "  crier run -f -k nightly report env LANG=C /usr/local/bin/report\n";

enum {
	RUN_LINGER = 256,
	RUN_SIGNALLED = 128,
	RUN_SINCE_SIZE = 64
};

struct run_verb {
	const struct verb_env *env;
	bool follows, has_linger;
	const char *key, *channel;
	uint64_t linger_ms;
	char **command;
	char *since; /* RUN_SINCE_SIZE bytes, of run_show */
};

/* 0, -1 after help, or the exit code. */
static int
run_parse(struct run_verb *r, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ "linger", 1, NULL, RUN_LINGER }, { NULL, 0, NULL, 0 } };
	bool begun = false;
	int c;

	while ((c = verb_option(&verb_run, argc, argv, "+:fk:h", longs,
		    &begun)) != -1)
		switch (c) {
		case 'f':
			r->follows = true;
			break;
		case 'k':
			r->key = optarg;
			break;
		case RUN_LINGER:
			r->has_linger = true;
			if (quantity_parse_seconds(optarg, &r->linger_ms))
				break;
			return verb_usage(&verb_run,
			    "--linger takes a number of seconds");
		case 'h':
			return -1;
		default:
			return EX_USAGE;
		}
	if (argc - optind < 2)
		return verb_usage(&verb_run, "give a channel and a command");
	r->channel = argv[optind];
	r->command = argv + optind + 1;
	return 0;
}

/* The full path of a command, as the shell finds it; or NULL. */
static char *
run_find(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *full = NULL;
	size_t len;

	if (strchr(name, '/') != NULL)
		return realpath(name, NULL);
	for (; path != NULL && *path != '\0';
	     path = *end == '\0' ? end : end + 1) {
		end = strchrnul(path, ':');
		len = (size_t)(end - path);
		if (len > 0 &&
		    asprintf(&full, "%.*s/%s", (int)len, path, name) != -1) {
			if (access(full, X_OK) == 0)
				return full;
			free(full);
		}
	}
	errno = ENOENT;
	return NULL;
}

static struct json_object *
run_words(const struct run_verb *r, const char *path)
{
	struct json_object *words = json_object_new_array();
	size_t i;

	for (i = 0; words != NULL && r->command[i] != NULL; i++)
		json_object_array_add(words,
		    json_object_new_string(i == 0 ? path : r->command[i]));
	return words;
}

static struct json_object *
run_line(const struct run_verb *r, const char *path)
{
	struct json_object *o = json_object_new_object();
	char *directory = realpath(".", NULL);

	json_add_string(o, "do", "run");
	json_add_value(o, "channel", json_object_new_string(r->channel));
	json_add_value(o, "command", run_words(r, path));
	if (directory != NULL)
		json_add_value(o, "directory",
		    json_object_new_string(directory));
	if (r->key != NULL)
		json_add_value(o, "key", json_object_new_string(r->key));
	if (r->has_linger)
		json_add_value(o, "linger",
		    json_object_new_double((double)r->linger_ms / 1000));
	free(directory);
	return o;
}

static int
run_show(const void *arg, const char *reply, size_t len)
{
	const struct run_verb *r = arg;
	struct reply got;
	const char *since;

	reply_read(&got, reply, len);
	since = json_get_string(json_member(got.json, "since"));
	snprintf(r->since, RUN_SINCE_SIZE, "%s", since == NULL ? "" : since);
	reply_clear(&got);
	if (!r->follows)
		puts(r->since);
	return 0;
}

/* The exit status that the data of a run's end mean. */
static int
run_status(const struct eventstream_event *e)
{
	struct json_object *o = json_parse_object(e->data, e->data_len);
	uint64_t status = EX_TEMPFAIL, number = 0;

	json_get_whole(json_member(o, "status"), 255, &status);
	if (json_get_whole(json_member(o, "signal"), 64, &number) && number > 0)
		status = RUN_SIGNALLED + number;
	json_object_put(o);
	return (int)status;
}

static bool
run_is_end(const struct eventstream_event *e)
{
	static const char name[] = "crier.end";

	return e->event_len == sizeof name - 1 &&
	    memcmp(e->event, name, e->event_len) == 0;
}

/*
 * Prints what has come.  True at the end, with *code: the run's is an event,
 * with an id, and the stream's is not.
 */
static bool
run_read(struct eventstream *stream, struct client *c, int *code)
{
	struct eventstream_event e;
	const char *bytes = c->in.data;
	size_t left = c->in.len;
	bool is_over = false;
	int rc = 0;

	while (!is_over && left > 0 &&
	    (rc = eventstream_read(stream, &bytes, &left, CLIENT_LINE_MAX,
		 &e)) == 1) {
		if (run_is_end(&e)) {
			*code = e.id == NULL ? EX_TEMPFAIL : run_status(&e);
			is_over = true;
		} else {
			fwrite(e.data, 1, e.data_len, stdout);
			putchar('\n');
		}
	}
	buffer_consume(&c->in, c->in.len - left);
	fflush(stdout);
	return is_over || rc == -1;
}

/* Follows the run to its end; the exit status. */
static int
run_follow(const struct run_verb *r)
{
	struct json_object *o = json_object_new_object();
	struct eventstream stream = { 0 };
	struct pollfd fds[1] = { { .fd = -1 } };
	struct client c = { .fd = -1 };
	int code = client_open(&c, r->env->queue, r->env->wait_ms);

	json_add_string(o, "do", "stream");
	json_add_value(o, "channel", json_object_new_string(r->channel));
	json_add_value(o, "since", json_object_new_string(r->since));
	if (code == 0) {
		code = EX_TEMPFAIL;
		if (json_append_line(&c.out, o) == -1)
			c.ended = true;
		while (!run_read(&stream, &c, &code) && !c.ended)
			if (client_turn(&c, fds, 1, -1) == -1 && errno != EINTR)
				break;
	} else {
		json_object_put(o);
	}
	if (code == EX_TEMPFAIL)
		client_warn("the run was not followed to its end");
	eventstream_clear(&stream);
	client_close(&c);
	return code;
}

static int
run_run(const struct verb_env *env, int argc, char **argv)
{
	char since[RUN_SINCE_SIZE] = "";
	struct run_verb r = { .env = env, .command = argv, .since = since };
	int rc = run_parse(&r, argc, argv);
	char *path;

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	if ((path = run_find(r.command[0])) == NULL) {
		client_warn("%s: %s", r.command[0], strerror(errno));
		return EX_DATAERR;
	}
	rc = verb_ask(env, run_line(&r, path), run_show, &r);
	free(path);
	return rc == 0 && r.follows ? run_follow(&r) : rc;
}

const struct verb verb_run = { "run", "run a command in a channel", run_help,
	run_run };
