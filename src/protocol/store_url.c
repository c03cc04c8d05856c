/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/paths.h"
#include "protocol/redis_url.h"
#include "protocol/store_url.h"

/* The home of the user crier (sysusers.conf), and a place for its history. */
#define STORE_URL_STATE "/var/lib/crier"

#define STORE_URL_MEMORY "memory"
#define STORE_URL_SQLITE "sqlite:"
#define STORE_URL_AUTO   "auto" /* no URL, but a value of the setting */

static const struct {
	const char *scheme;
	enum store_kind kind;
	bool has_address, is_file;
	const char *(*wrong)(const char *url); /* NULL: any address will do */
} store_url_schemes[] = {
	{ STORE_URL_MEMORY, STORE_KIND_MEMORY, false, false, NULL },
	{ STORE_URL_SQLITE, STORE_KIND_SQLITE, true, true, NULL },
	{ "redis://", STORE_KIND_REDIS, true, false, redis_url_wrong },
	{ "rediss://", STORE_KIND_REDIS, true, false, redis_url_wrong },
	{ "redis+unix://", STORE_KIND_REDIS, true, false, redis_url_wrong },
	{ "redis+sentinel://", STORE_KIND_REDIS, true, false, redis_url_wrong },
	{ "rediss+sentinel://", STORE_KIND_REDIS, true, false,
	    redis_url_wrong },
};

static const char store_url_form[] =
    "must be auto, memory, sqlite:PATH or redis://HOST";

const char *const store_durability_name[STORE_DURABILITIES] = {
	[STORE_NONE] = "none",
	[STORE_PROCESS] = "process",
	[STORE_POWER] = "power",
};

enum {
	STORE_URL_SCHEMES =
	    sizeof store_url_schemes / sizeof store_url_schemes[0]
};

/* The row of a URL, or STORE_URL_SCHEMES. */
static size_t
store_url_find(const char *text)
{
	const char *scheme;
	size_t i, len;

	for (i = 0; i < STORE_URL_SCHEMES; i++) {
		scheme = store_url_schemes[i].scheme;
		len = strlen(scheme);
		if (strncmp(text, scheme, len) == 0 &&
		    store_url_schemes[i].has_address == (text[len] != '\0'))
			break;
	}
	return i;
}

bool
store_url_read(const char *text, struct store_url *url)
{
	size_t i = store_url_find(text);

	if (i == STORE_URL_SCHEMES ||
	    (store_url_schemes[i].wrong != NULL &&
		store_url_schemes[i].wrong(text) != NULL))
		return false;
	url->kind = store_url_schemes[i].kind;
	url->scheme = store_url_schemes[i].scheme;
	url->address = text + strlen(url->scheme);
	return true;
}

const char *
store_url_wrong(const char *text)
{
	size_t i;

	if (strcmp(text, STORE_URL_AUTO) == 0)
		return NULL;
	if ((i = store_url_find(text)) == STORE_URL_SCHEMES)
		return store_url_form;
	return store_url_schemes[i].wrong == NULL
	    ? NULL
	    : store_url_schemes[i].wrong(text);
}

const char *
store_url_file(const char *text)
{
	size_t i = store_url_find(text);

	if (i == STORE_URL_SCHEMES || !store_url_schemes[i].is_file)
		return NULL;
	return text + strlen(store_url_schemes[i].scheme);
}

/* Whether a file there is in memory, as is all that goes with a boot. */
static bool
store_url_is_volatile(const char *path)
{
	const char *session = getenv("XDG_RUNTIME_DIR");
	size_t len = session == NULL ? 0 : strlen(session);

	return strncmp(path, RUNSTATEDIR "/", sizeof RUNSTATEDIR) == 0 ||
	    (len > 0 && strncmp(path, session, len) == 0 && path[len] == '/');
}

/*
 * Where a hub on demand keeps its history on a disk, under a name made of its
 * queue's: the first of two places that it may write to.  NULL: neither, or
 * memory.
 */
static char *
store_url_on_disk(const char *queue)
{
	const char *home = getenv("HOME");
	char *path = NULL, *p;
	int n = -1;

	if (access(STORE_URL_STATE, W_OK) == 0)
		n = asprintf(&path, STORE_URL_STATE "/history%s.db", queue);
	else if (home != NULL && *home == '/' && access(home, W_OK) == 0)
		n = asprintf(&path, "%s/.crier/history%s.db", home, queue);
	if (n == -1)
		return NULL;
	for (p = path + n - strlen(queue) - 3; *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	return path;
}

static char *
store_url_place(const char *queue)
{
	char *beside = paths_beside(queue, "history.db"), *path;

	/* A history that is there is not left behind. */
	if (beside == NULL || !store_url_is_volatile(queue) ||
	    access(beside, F_OK) == 0 ||
	    (path = store_url_on_disk(queue)) == NULL)
		return beside;
	free(beside);
	return path;
}

char *
store_url_choose(const char *setting, const char *queue, bool comes_and_goes)
{
	char *path, *url;

	if (strcmp(setting, STORE_URL_AUTO) != 0)
		return strdup(setting);
	if (!comes_and_goes)
		return strdup(STORE_URL_MEMORY);
	if ((path = store_url_place(queue)) == NULL)
		return NULL;
	if (asprintf(&url, STORE_URL_SQLITE "%s", path) == -1)
		url = NULL;
	free(path);
	return url;
}
