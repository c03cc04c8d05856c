/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <json-c/json.h>

#include "queue/client.h"
#include "queue/status_table.h"
#include "queue/verb.h"

static const char status_help[] =
    "usage: crier status [-j]\n"
    "\n"
    "Shows what crierd is doing.\n"
    "\n"
    "  -j  one line of JSON, with bytes, milliseconds and seconds as they "
    "are\n"
    "  -h  this text\n"
    "\n"
    "exit status: 0 shown, 64 wrong usage, 69 no crierd, 75 try again, 77\n"
    "not allowed\n"
    "\n"
    "examples:\n"
    "  crier status\n"
    "  crier -w 10 status -j | jq .streams\n";

static int
status_print(const char *reply, size_t len, bool json)
{
	struct json_object *status;

	if (json) {
		fwrite(reply, 1, len, stdout);
		putchar('\n');
		return 0;
	}
	if ((status = client_parse(reply, len)) == NULL) {
		client_warn("crierd's answer cannot be understood");
		return EX_TEMPFAIL;
	}
	status_table_print(status, stdout);
	json_object_put(status);
	return 0;
}

static int
status_call(const struct verb_env *env, bool json)
{
	struct client client;
	const char *reply;
	char why[512];
	size_t len;
	int rc = client_open(&client, env->queue, env->wait_ms);

	if (rc == 0)
		rc = client_call(&client, "{\"do\":\"status\"}", &reply, &len);
	if (rc == 0 &&
	    (rc = client_reply_code(reply, len, why, sizeof why)) != 0)
		client_warn("%s", why);
	else if (rc == 0)
		rc = status_print(reply, len, json);
	client_close(&client);
	return verb_finish(rc);
}

static int
status_run(const struct verb_env *env, int argc, char **argv)
{
	static const struct option longs[] = { { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	bool begun = false, json = false;
	int c;

	while ((c = verb_option(&verb_status, argc, argv, ":jh", longs,
		    &begun)) != -1) {
		if (c == 'h')
			return verb_finish(0);
		if (c != 'j')
			return EX_USAGE;
		json = true;
	}
	if (optind < argc)
		return verb_usage(&verb_status, "takes no arguments");
	return status_call(env, json);
}

const struct verb verb_status = { "status", status_help, status_run };
