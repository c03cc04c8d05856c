/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/reply.h"

/* crier position prints the id behind which a page that is rendered follows. */

static const char position_help[] =
    "usage: crier position [CHANNEL...]\n"
    "\n"
    "Prints the newest id now: nothing of these channels, or of any, came\n"
    "after it.  A page that takes it before its data is read, and follows\n"
    "with since=ID, misses nothing that came in between.\n"
    "\n"
    "  -h  this text\n"
    "\n"
    "exit status: 0 done, 64 wrong usage, 65 bad channel, 69 no crierd, 75\n"
    "try again, 77 not allowed\n"
    "\n"
    "examples:\n"
    "  crier position\n"
    "  crier tail --since \"$(crier position news)\" news\n";

/* 0, -1 after help, or the exit code. */
static int
position_parse(int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	bool begun = false;
	int c = verb_option(&verb_position, argc, argv, ":h", longs, &begun);

	if (c == 'h')
		return -1;
	return c == -1 ? 0 : EX_USAGE;
}

static struct json_object *
position_command(int count, char **channels)
{
	struct json_object *o = json_object_new_object();

	json_add_string(o, "do", "position");
	if (count > 0)
		json_add_value(o, "channel", verb_names(count, channels));
	return o;
}

static int
position_show(const void *arg, const char *reply, size_t len)
{
	const char *position;
	struct reply r;
	int rc = 0;

	(void)arg;
	reply_read(&r, reply, len);
	position = json_get_string(json_member(r.json, "position"));
	if (position != NULL) {
		puts(position);
	} else {
		client_warn("crierd names no position");
		rc = EX_TEMPFAIL;
	}
	reply_clear(&r);
	return rc;
}

static int
position_run(const struct verb_env *env, int argc, char **argv)
{
	int rc = position_parse(argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	return verb_ask(env, position_command(argc - optind, argv + optind),
	    position_show, NULL);
}

const struct verb verb_position = { "position", "print the newest id",
	position_help, position_run };
