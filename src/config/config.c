/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/text.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_route.h"
#include "config/config_setting.h"
#include "config/config_token.h"
#include "config/config_who.h"
#include "protocol/paths.h"

/* Where c keeps a top-level setting. */
static void *
config_base(struct config *c, const struct config_setting *s)
{
	return s->per_channel ? (void *)&c->channels[c->channel_count - 1]
			      : (void *)c;
}

static struct config *
config_new(void)
{
	struct config *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->refs = 1;
	if ((c->channels = calloc(1, sizeof *c->channels)) == NULL) {
		free(c);
		return NULL;
	}
	c->channel_count = 1;
	if ((c->channels[0].pattern = strdup("**")) == NULL) {
		config_free(c);
		return NULL;
	}
	return c;
}

/* The default of listen or queue, or NULL when out of memory. */
static char *
config_default_path(const struct config_setting *s)
{
	char *path, *address = NULL;

	if (s->kind == CONFIG_SOCKET)
		return paths_runtime_file("queue.sock");
	if ((path = paths_runtime_file("fcgi.sock")) == NULL)
		return NULL;
	if (asprintf(&address, "unix:%s", path) == -1)
		address = NULL;
	free(path);
	return address;
}

static int
config_set_default(struct config *c, const struct config_setting *s,
    char why[CONFIG_WHY_SIZE])
{
	char *path;
	int rc;

	if (s->initial != NULL)
		return config_setting_store(s, config_base(c, s), s->initial,
		    why);
	if ((config_setting_is_list(s) && s->kind != CONFIG_LISTEN) ||
	    s->kind == CONFIG_FIFO)
		return 0;
	if ((path = config_default_path(s)) == NULL) {
		snprintf(why, CONFIG_WHY_SIZE, "out of memory");
		return -1;
	}
	rc = config_setting_store(s, config_base(c, s), path, why);
	free(path);
	return rc;
}

static int
config_set_defaults(struct config *c, char **cause)
{
	char why[CONFIG_WHY_SIZE];
	size_t i;

	for (i = 0; i < config_setting_count; i++)
		if (config_set_default(c, &config_settings[i], why) == -1)
			return cause_set(cause, "default of %s: %s",
			    config_settings[i].name, why);
	return 0;
}

static size_t
config_find_setting(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < config_setting_count; i++)
		if (strncmp(config_settings[i].name, name, len) == 0 &&
		    config_settings[i].name[len] == '\0')
			break;
	return i;
}

/*
 * One NAME=VALUE.  seen[] has the settings that earlier overrides named: the
 * first override of a list replaces it, the next ones append.
 */
static int
config_override(struct config *c, const char *text, bool seen[],
    char why[CONFIG_WHY_SIZE])
{
	const char *equals = strchr(text, '=');
	const struct config_setting *s;
	size_t i;

	if (equals == NULL) {
		snprintf(why, CONFIG_WHY_SIZE, "is not NAME=VALUE");
		return -1;
	}
	i = config_find_setting(text, (size_t)(equals - text));
	if (i == config_setting_count) {
		snprintf(why, CONFIG_WHY_SIZE, "no such setting");
		return -1;
	}
	s = &config_settings[i];
	if (config_token_wrong_setting(s->name, why) ||
	    config_who_wrong_default(s, equals + 1, why))
		return -1;
	if (config_setting_is_list(s)) {
		if (!seen[i] || equals[1] == '\0')
			config_setting_clear(s, config_base(c, s));
		seen[i] = true;
		if (equals[1] == '\0')
			return 0;
	}
	return config_setting_store(s, config_base(c, s), equals + 1, why);
}

/* For a message: without a secret. */
static void
config_describe_override(const char *text, char *to, size_t size)
{
	size_t name = strcspn(text, "="), len = strlen(text);
	size_t i = config_find_setting(text, name);

	if (i < config_setting_count &&
	    config_settings[i].kind == CONFIG_SECRET)
		len = name;
	text_escape(text, len, to, size);
}

static int
config_override_all(struct config *c, const struct config_override *overrides,
    size_t count, char **cause)
{
	char why[CONFIG_WHY_SIZE], text[512];
	bool *seen = calloc(config_setting_count, sizeof *seen);
	size_t i;
	int rc = seen == NULL ? -1 : 0;

	for (i = 0; rc == 0 && i < count; i++) {
		rc = config_override(c, overrides[i].text, seen, why);
		if (rc == 0)
			continue;
		config_describe_override(overrides[i].text, text, sizeof text);
		cause_set(cause, "-o %s: %s", text, why);
	}
	free(seen);
	return rc;
}

/* Gives the sections what they leave out. */
static void
config_inherit(struct config *c)
{
	struct config_channel *top = &c->channels[c->channel_count - 1];
	const struct config_setting *s;
	uint64_t *value;
	size_t i, k;

	for (i = 0; i < c->channel_count; i++)
		for (k = 0; k < config_setting_count; k++) {
			s = &config_settings[k];
			if (!s->per_channel)
				continue;
			value = config_setting_number(s, &c->channels[i]);
			if (*value != UINT64_MAX)
				continue;
			*value = *config_setting_number(s, top);
			/* crier's own channels are opened one by one. */
			if (s->kind == CONFIG_WHO &&
			    c->channels[i].pattern[0] == '$')
				*value = 0;
		}
}

/* The pipe lies beside the queue's socket unless it is named. */
static int
config_complete(struct config *c)
{
	config_inherit(c);
	if (c->fifo == NULL)
		c->fifo = paths_beside(c->queue, "queue.fifo");
	return c->fifo == NULL ? -1 : 0;
}

struct config *
config_load(const char *file, const struct config_override *overrides,
    size_t count, char **cause)
{
	struct config *c = config_new();

	*cause = NULL;
	if (c != NULL && config_set_defaults(c, cause) == 0 &&
	    (file == NULL || config_file_read(c, file, cause) == 0) &&
	    config_override_all(c, overrides, count, cause) == 0 &&
	    config_routes_add_standing(c) == 0 && config_complete(c) == 0 &&
	    config_token_load(c, file, cause) == 0)
		return c;
	config_free(c);
	return NULL;
}

/* The count is no part of what is immutable. */
static struct config *
config_own(const struct config *c)
{
	return (struct config *)(uintptr_t)c;
}

const struct config *
config_ref(const struct config *c)
{
	config_own(c)->refs++;
	return c;
}

void
config_free(const struct config *shared)
{
	struct config *c = config_own(shared);
	size_t i;

	if (c == NULL || --c->refs > 0)
		return;
	for (i = 0; i < config_setting_count; i++)
		if (!config_settings[i].per_channel)
			config_setting_clear(&config_settings[i], c);
	for (i = 0; i < c->channel_count; i++)
		free(c->channels[i].pattern);
	free(c->channels);
	for (i = 0; i < c->route_count; i++)
		config_route_free(c->routes[i]);
	free(c->routes);
	config_token_free(c);
	free(c);
}

bool
config_pattern_match(const char *pattern, const char *name, size_t len)
{
	const char *slash, *p = pattern;
	size_t want, have;

	if (len > 0 && name[0] == '$' && pattern[0] == '*')
		return false;
	for (;;) {
		if (strcmp(p, "**") == 0)
			return len > 0;
		want = strcspn(p, "/");
		slash = memchr(name, '/', len);
		have = slash == NULL ? len : (size_t)(slash - name);
		if (have == 0)
			return false;
		if (!(want == 1 && *p == '*') &&
		    (want != have || memcmp(p, name, want) != 0))
			return false;
		if (p[want] == '\0' || slash == NULL)
			return p[want] == '\0' && slash == NULL;
		p += want + 1;
		name += have + 1;
		len -= have + 1;
	}
}

const struct config_channel *
config_match_channel(const struct config *c, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < c->channel_count; i++)
		if (config_pattern_match(c->channels[i].pattern, name, len))
			break;
	return &c->channels[i];
}
