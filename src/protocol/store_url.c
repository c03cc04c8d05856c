/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/paths.h"
#include "protocol/store_url.h"

#define STORE_URL_MEMORY "memory"
#define STORE_URL_SQLITE "sqlite:"
#define STORE_URL_AUTO   "auto" /* no URL, but a value of the setting */

static const struct {
	const char *scheme;
	enum store_kind kind;
	bool has_address, is_file;
} store_url_schemes[] = {
	{ STORE_URL_MEMORY, STORE_KIND_MEMORY, false, false },
	{ STORE_URL_SQLITE, STORE_KIND_SQLITE, true, true },
};

static const char store_url_form[] = "must be auto, memory or sqlite:PATH";

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

	if (i == STORE_URL_SCHEMES)
		return false;
	url->kind = store_url_schemes[i].kind;
	url->scheme = store_url_schemes[i].scheme;
	url->address = text + strlen(url->scheme);
	return true;
}

const char *
store_url_wrong(const char *text)
{
	if (strcmp(text, STORE_URL_AUTO) == 0 ||
	    store_url_find(text) != STORE_URL_SCHEMES)
		return NULL;
	return store_url_form;
}

const char *
store_url_file(const char *text)
{
	size_t i = store_url_find(text);

	if (i == STORE_URL_SCHEMES || !store_url_schemes[i].is_file)
		return NULL;
	return text + strlen(store_url_schemes[i].scheme);
}

char *
store_url_choose(const char *setting, const char *queue, bool comes_and_goes)
{
	char *path, *url;

	if (strcmp(setting, STORE_URL_AUTO) != 0)
		return strdup(setting);
	if (!comes_and_goes)
		return strdup(STORE_URL_MEMORY);
	if ((path = paths_beside(queue, "history.db")) == NULL)
		return NULL;
	if (asprintf(&url, STORE_URL_SQLITE "%s", path) == -1)
		url = NULL;
	free(path);
	return url;
}
