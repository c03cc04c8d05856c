/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/paths.h"

static char *
paths_join(const char *dir, const char *subdir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s/%s", dir, subdir, name) == -1)
		return NULL;
	return path;
}

/*
 * The session's directory, or NULL.  For root there is none, for root's daemon
 * serves the system.
 */
static const char *
paths_session_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	return geteuid() == 0 || dir == NULL || dir[0] != '/' ? NULL : dir;
}

/*
 * The user's home, or NULL.  HOME counts only if it is a directory of the
 * user's: a web server that has become another user may have left it as it was.
 */
static const char *
paths_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;
	struct stat st;

	if (geteuid() == 0)
		return NULL;
	if (home != NULL && home[0] == '/' && stat(home, &st) == 0 &&
	    st.st_uid == geteuid())
		return home;
	pw = getpwuid(geteuid());
	return pw == NULL || pw->pw_dir[0] != '/' ? NULL : pw->pw_dir;
}

/* Returns the path if there is such a file; else frees it and returns NULL. */
static char *
paths_existing(char *path)
{
	if (path != NULL && access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* Whether the system's directory is there for us, or somebody serves in it. */
static bool
paths_may_use_system(void)
{
	return access(RUNSTATEDIR "/crier", W_OK) == 0 ||
	    access(RUNSTATEDIR "/crier/queue.sock", W_OK) == 0;
}

char *
paths_runtime_file(const char *name)
{
	const char *dir = paths_session_dir(), *home = paths_home();

	if (dir != NULL)
		return paths_join(dir, "crier", name);
	if (home == NULL || paths_may_use_system())
		return paths_join(RUNSTATEDIR, "crier", name);
	return paths_join(home, ".crier", name);
}

char *
paths_find_queue(void)
{
	static const char name[] = "queue.sock";
	const char *given = getenv("CRIER_QUEUE"), *dir = paths_session_dir();
	const char *home = paths_home();
	char *path = NULL;

	if (given != NULL && given[0] != '\0')
		return strdup(given);
	if (dir != NULL)
		path = paths_existing(paths_join(dir, "crier", name));
	if (path == NULL && home != NULL)
		path = paths_existing(paths_join(home, ".crier", name));
	if (path == NULL)
		path = paths_existing(paths_join(RUNSTATEDIR, "crier", name));
	return path == NULL ? paths_runtime_file(name) : path;
}

char *
paths_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 0 : (int)(slash - path) + 1;
	char *beside;

	if (asprintf(&beside, "%.*s%s", len, path, name) == -1)
		return NULL;
	return beside;
}

int
paths_make_home(const char *path)
{
	const char *home = paths_home();
	char *dir;
	int rc = 0;

	if (home == NULL)
		return 0;
	if ((dir = paths_join(home, ".crier", "")) == NULL)
		return -1;
	if (strncmp(path, dir, strlen(dir)) == 0 && mkdir(dir, 0700) == -1 &&
	    errno != EEXIST)
		rc = -1;
	free(dir);
	return rc;
}

char *
paths_find_program(const char *name, const char *dir)
{
	char self[PATH_MAX], *path, *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = '\0';
		if ((slash = strrchr(self, '/')) != NULL)
			*slash = '\0';
		if (asprintf(&path, "%s/%s", self, name) == -1)
			return NULL;
		if ((path = paths_existing(path)) != NULL)
			return path;
	}
	return asprintf(&path, "%s/%s", dir, name) == -1 ? NULL : path;
}
