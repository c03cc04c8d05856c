/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "companion/verb_exec.h"
#include "protocol/client.h"

/* Only returns if there is no such program. */
static void
verb_exec_in(const char *dir, size_t len, const char *name, char **argv)
{
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof path, "%.*s/crier-%s", (int)len, dir, name);
	if (n > 0 && (size_t)n < sizeof path)
		execv(path, argv);
	else
		errno = ENAMETOOLONG;
}

int
verb_exec_helper(const char *name, char **argv)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self);

	/* What is ignored here would stay so. */
	signal(SIGPIPE, SIG_DFL);
	while (len > 0 && self[len - 1] != '/')
		len--;
	if (len > 1)
		verb_exec_in(self, (size_t)len - 1, name, argv);
	verb_exec_in(PKGLIBEXECDIR, strlen(PKGLIBEXECDIR), name, argv);
	if (errno == ENOENT)
		client_warn("%s: there is no " PKGLIBEXECDIR "/crier-%s: it "
			    "was not built, or not installed",
		    name, name);
	else
		client_warn(PKGLIBEXECDIR "/crier-%s: %s", name,
		    strerror(errno));
	return EX_UNAVAILABLE;
}
