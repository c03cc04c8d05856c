/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"

static char *
paths_join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/crier/%s", dir, name) == -1)
		return NULL;
	return path;
}

/* The user's own directory, or NULL: root's daemon serves the system. */
static const char *
paths_user_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	return geteuid() == 0 || dir == NULL || dir[0] != '/' ? NULL : dir;
}

char *
paths_runtime_file(const char *name)
{
	const char *dir = paths_user_dir();

	return paths_join(dir == NULL ? RUNSTATEDIR : dir, name);
}

char *
paths_find_queue(void)
{
	const char *given = getenv("CRIER_QUEUE"), *dir = paths_user_dir();
	char *path;

	if (given != NULL && given[0] != '\0')
		return strdup(given);
	if (dir != NULL) {
		if ((path = paths_join(dir, "queue.sock")) == NULL)
			return NULL;
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return paths_join(RUNSTATEDIR, "queue.sock");
}
