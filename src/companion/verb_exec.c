/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/quantity.h"
#include "companion/verb.h"
#include "protocol/client.h"

/*
 * The verbs that are programs of their own, since they need libraries with
 * which all other verbs would start slowly: `crier NAME` becomes crier-NAME.
 * Such a program reads all arguments behind the verb, and -h, by itself.
 */

/* The path of dir's program of this name, if it can be run; else errno. */
static bool
exec_find_in(const char *dir, size_t len, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%.*s/crier-%s", (int)len, dir, name);

	if (n > 0 && n < PATH_MAX)
		return access(path, X_OK) == 0;
	errno = ENAMETOOLONG;
	return false;
}

/* Looks for a verb's program beside this one and in pkglibexecdir. */
static bool
exec_find(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self);

	while (len > 0 && self[len - 1] != '/')
		len--;
	if (len > 1 && exec_find_in(self, (size_t)len - 1, name, path))
		return true;
	return exec_find_in(PKGLIBEXECDIR, strlen(PKGLIBEXECDIR), name, path);
}

bool
verb_is_there(const struct verb *verb)
{
	char path[PATH_MAX];

	return verb->help != NULL || exec_find(verb->name, path);
}

/* Becomes the program; the exit code after a message if there is none. */
static int
exec_program(const char *name, char **argv)
{
	char path[PATH_MAX];

	/* A signal that is ignored here would stay ignored there. */
	signal(SIGPIPE, SIG_DFL);
	if (exec_find(name, path))
		execv(path, argv);
	if (errno == ENOENT)
		client_warn("%s: there is no " PKGLIBEXECDIR "/crier-%s: it "
			    "was not built, or not installed",
		    name, name);
	else
		client_warn("%s: %s", path, strerror(errno));
	return EX_UNAVAILABLE;
}

/* The options before the verb go with it: crier-doctor knows them, too. */
static int
exec_doctor(const struct verb_env *env, int argc, char **argv)
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
		rc = exec_program("doctor", args);
	}
	free(args);
	free(queue);
	return rc;
}

static int
exec_token(const struct verb_env *env, int argc, char **argv)
{
	(void)env;
	(void)argc;
	return exec_program("token", argv);
}

const struct verb verb_doctor = { "doctor",
	"measure a route through the web server", NULL, exec_doctor };
const struct verb verb_token = { "token",
	"make a token that lets its bearer follow channels", NULL, exec_token };
