/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/config_value.h"
#include "queue/client.h"
#include "queue/verb.h"

/*
 * A program of its own does it, so that the other verbs start without
 * libcurl.  It reads all arguments behind the verb, and -h, by itself.
 */

#define DOCTOR_PROGRAM "crier-doctor"

static const char doctor_help[] = "see " DOCTOR_PROGRAM " -h\n";

/* Beside this program, as where it was built; the caller's, or NULL. */
static char *
doctor_beside(void)
{
	char self[4096], *slash, *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) == NULL)
		return NULL;
	if (asprintf(&path, "%.*s/" DOCTOR_PROGRAM, (int)(slash - self),
		self) == -1)
		return NULL;
	return path;
}

/* What to say when neither of the two is there. */
static int
doctor_missing(const char *path, int error)
{
#ifdef HAVE_LIBCURL
	client_warn("doctor: %s: %s", path, strerror(error));
#else
	(void)path;
	(void)error;
	client_warn("doctor: crier was built without libcurl, which this verb "
		    "needs");
#endif
	return EX_UNAVAILABLE;
}

static int
doctor_run(const struct verb_env *env, int argc, char **argv)
{
	static const char path[] = PKGLIBEXECDIR "/" DOCTOR_PROGRAM;
	static char s[] = "-s", w[] = "-w";
	char wait[CONFIG_TEXT_SIZE], *queue = strdup(env->queue);
	char *beside = doctor_beside();
	char **args = calloc((size_t)argc + 5, sizeof *args);
	int error = ENOMEM;

	if (args != NULL && queue != NULL) {
		config_value_format_seconds(env->wait_ms, wait);
		args[0] = argv[0];
		args[1] = s;
		args[2] = queue;
		args[3] = w;
		args[4] = wait;
		memcpy(args + 5, argv + 1, (size_t)(argc - 1) * sizeof *args);
		if (beside != NULL)
			execv(beside, args);
		execv(path, args);
		error = errno;
	}
	free(args);
	free(queue);
	free(beside);
	return doctor_missing(path, error);
}

const struct verb verb_doctor = { "doctor", doctor_help, doctor_run };
