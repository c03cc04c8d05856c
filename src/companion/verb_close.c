/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "companion/verb.h"
#include "protocol/client.h"

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
    "      --stream ID  the stream with this id\n"
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

/* The request, NULL for want of memory. */
static struct json_object *
close_request(const struct close_options *o)
{
	struct json_object *request = json_object_new_object();

	if (request != NULL &&
	    json_object_object_add(request, "do",
		json_object_new_string("close")) == 0 &&
	    json_object_object_add(request, o->what,
		json_object_new_string(o->value)) == 0 &&
	    (!o->stop ||
		json_object_object_add(request, "stop",
		    json_object_new_boolean(1)) == 0))
		return request;
	json_object_put(request);
	return NULL;
}

static void
close_print(const char *reply, size_t len)
{
	struct json_object *object = json_parse_object(reply, len), *closed;

	if (json_object_object_get_ex(object, "closed", &closed))
		printf("closed %s\n", json_object_get_string(closed));
	json_object_put(object);
}

static int
close_call(const struct close_options *o, const struct verb_env *env,
    const char *line)
{
	struct client client;
	const char *reply;
	char why[512];
	size_t len;
	int rc = client_open(&client, env->queue, env->wait_ms);

	if (rc == 0)
		rc = client_call(&client, line, &reply, &len);
	if (rc == 0 &&
	    (rc = client_reply_code(reply, len, why, sizeof why)) != 0)
		client_warn("%s", why);
	else if (rc == 0 && o->verbose)
		close_print(reply, len);
	client_close(&client);
	return verb_finish(rc);
}

static int
close_run(const struct verb_env *env, int argc, char **argv)
{
	struct close_options o = { 0 };
	struct json_object *request;
	int rc = close_parse(&o, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	if ((request = close_request(&o)) == NULL) {
		client_warn("%s", strerror(ENOMEM));
		return EX_OSERR;
	}
	rc = close_call(&o, env,
	    json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	json_object_put(request);
	return rc;
}

const struct verb verb_close = { "close", close_help, close_run };
