/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/quantity.h"
#include "companion/verb.h"
#include "companion/verb_exec.h"

/*
 * A program of its own does it, so that the other verbs start without
 * libcurl.  It reads all arguments behind the verb, and -h, by itself.
 */

static const char doctor_help[] = "see crier doctor -h\n";

static int
doctor_run(const struct verb_env *env, int argc, char **argv)
{
	static char s[] = "-s", w[] = "-w";
	char wait[QUANTITY_TEXT_SIZE], *queue = strdup(env->queue);
	char **args = calloc((size_t)argc + 5, sizeof *args);
	int rc = EX_OSERR;

	if (args != NULL && queue != NULL) {
		quantity_format_seconds(env->wait_ms, wait);
		args[0] = argv[0];
		args[1] = s;
		args[2] = queue;
		args[3] = w;
		args[4] = wait;
		memcpy(args + 5, argv + 1, (size_t)(argc - 1) * sizeof *args);
		rc = verb_exec_helper("doctor", args);
	}
	free(args);
	free(queue);
	return rc;
}

const struct verb verb_doctor = { "doctor", doctor_help, doctor_run };
