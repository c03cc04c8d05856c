/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "doctor/mpm.h"

enum {
	MPM_LINE_SIZE = 1024,
	/* Apache's own, where nothing is said. */
	MPM_FACTOR = 2,
	MPM_SPARE = 250,
	MPM_WORKERS = 400
};

static const char *const mpm_folders[] = { "/etc/apache2", "/etc/httpd" };

/* In the order in which Apache reads them. */
static const char *const mpm_files[] = { "mods-enabled/*.load",
	"mods-enabled/*.conf", "conf.modules.d/*.conf", "apache2.conf",
	"conf/httpd.conf", "conf-enabled/*.conf", "conf.d/*.conf",
	"sites-enabled/*.conf" };

/* The line's two first words; quotes count as white space. */
static void
mpm_words(char *line, const char **name, const char **value)
{
	static const char space[] = " \t\r\n\"";
	char *rest;

	*name = strtok_r(line, space, &rest);
	*value = strtok_r(NULL, space, &rest);
}

/* Whether it opens a block for another MPM than event. */
static bool
mpm_is_for_others(const char *name, const char *value)
{
	return strcasecmp(name, "<IfModule") == 0 &&
	    strstr(value, "mpm_") != NULL &&
	    strncmp(value, "mpm_event_module", 16) != 0;
}

static void
mpm_take(struct mpm *m, const char *name, const char *value)
{
	if (strcasecmp(name, "LoadModule") == 0 &&
	    strncmp(value, "mpm_", 4) == 0) {
		m->is_known = true;
		m->is_event = strcmp(value, "mpm_event_module") == 0;
	} else if (strcasecmp(name, "AsyncRequestWorkerFactor") == 0) {
		m->factor = strtod(value, NULL);
	} else if (strcasecmp(name, "MaxSpareThreads") == 0) {
		m->spare = strtol(value, NULL, 10);
	} else if (strcasecmp(name, "MaxRequestWorkers") == 0 ||
	    strcasecmp(name, "MaxClients") == 0) {
		m->workers = strtol(value, NULL, 10);
	}
}

static void
mpm_read_file(const char *path, struct mpm *m)
{
	char line[MPM_LINE_SIZE];
	const char *name, *value;
	bool skips = false;
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return;
	while (fgets(line, sizeof line, from) != NULL) {
		mpm_words(line, &name, &value);
		if (name == NULL || name[0] == '#')
			continue;
		if (strcasecmp(name, "</IfModule>") == 0)
			skips = false;
		else if (value != NULL && mpm_is_for_others(name, value))
			skips = true;
		else if (value != NULL && !skips)
			mpm_take(m, name, value);
	}
	fclose(from);
}

static const char *
mpm_find_folder(void)
{
	size_t i;

	for (i = 0; i < sizeof mpm_folders / sizeof mpm_folders[0]; i++)
		if (access(mpm_folders[i], R_OK) == 0)
			return mpm_folders[i];
	return mpm_folders[0];
}

void
mpm_read(const char *dir, struct mpm *m)
{
	char pattern[PATH_MAX];
	glob_t found;
	size_t i, n;

	*m = (struct mpm){
		.factor = MPM_FACTOR, .spare = MPM_SPARE, .workers = MPM_WORKERS
	};
	if (dir == NULL)
		dir = mpm_find_folder();
	for (i = 0; i < sizeof mpm_files / sizeof mpm_files[0]; i++) {
		snprintf(pattern, sizeof pattern, "%s/%s", dir, mpm_files[i]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (n = 0; n < found.gl_pathc; n++)
			mpm_read_file(found.gl_pathv[n], m);
		globfree(&found);
	}
}
