/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "companion/verb.h"
#include "protocol/client.h"
#include "protocol/demand.h"

int
verb_usage(const struct verb *verb, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "crier: %s: ", verb->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'crier %s -h'.\n", verb->name);
	return EX_USAGE;
}

int
verb_option(const struct verb *verb, int argc, char **argv, const char *shorts,
    const struct option *longs, bool *begun)
{
	int c;

	if (!*begun) {
		optind = 0; /* glibc: begin anew, with these arguments */
		opterr = 0;
		*begun = true;
	}
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h') {
		fputs(verb->help, stdout);
	} else if (c == ':') {
		verb_usage(verb, "%s needs a value", argv[optind - 1]);
		c = '?';
	} else if (c == '?' && optopt > 0 && optopt < 256) {
		verb_usage(verb, "no such option: -%c", optopt);
	} else if (c == '?') {
		verb_usage(verb, "no such option: %s", argv[optind - 1]);
	}
	return c;
}

int
verb_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	client_warn("standard output: %s", strerror(errno));
	return code == 0 ? EX_IOERR : code;
}

int
verb_ask(const struct verb_env *env, struct json_object *command,
    int (*show)(const void *arg, const char *reply, size_t len),
    const void *arg)
{
	struct client client;
	const char *reply;
	size_t len;
	int rc = client_open(&client, env->queue, env->wait_ms);

	if (rc == 0)
		rc = client_call(&client, command, &reply, &len);
	else
		json_object_put(command);
	if (rc == 0)
		rc = show(arg, reply, len);
	client_close(&client);
	return verb_finish(rc);
}

struct json_object *
verb_names(int count, char **names)
{
	struct json_object *list = json_object_new_array();
	int i;

	for (i = 0; list != NULL && i < count; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
	return list;
}

int
verb_start_crierd(const struct verb_env *env)
{
	struct client client;
	char *cause = NULL;
	int rc = client_try(&client, env->queue, 0, 0);

	if (rc == 0) {
		client_close(&client);
		return 0;
	}
	if (errno != ENOENT && errno != ECONNREFUSED)
		return 0; /* the verb that connects will say what is wrong */
	if (demand_start(env->queue, &cause) == 0)
		return 0;
	client_warn("%s", cause == NULL ? strerror(ENOMEM) : cause);
	free(cause);
	return EX_UNAVAILABLE;
}

void
verb_warn_missing(struct json_object *reply)
{
	struct json_object *missing = json_member(reply, "missing");
	size_t i;

	for (i = 0; i < json_length(missing); i++)
		client_warn("no answer from node %s",
		    json_get_string(json_object_array_get_idx(missing, i)));
}
