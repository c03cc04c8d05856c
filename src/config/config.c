/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/text.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_routes.h"
#include "config/config_setting.h"
#include "config/config_token.h"
#include "config/config_who.h"
#include "protocol/paths.h"

/* The structure that a setting of the top level is in. */
static void *
config_base(struct config *c, const struct config_setting *s)
{
	return s->per_channel ? (void *)&c->channels[c->channel_count - 1]
			      : (void *)c;
}

static void
config_destroy(struct config *c)
{
	const struct config_setting *s;
	size_t i;

	if (c == NULL)
		return;
	for (s = config_settings; s->name != NULL; s++)
		if (!s->per_channel)
			config_setting_clear(s, c);
	for (i = 0; i < c->channel_count; i++)
		free(c->channels[i].pattern);
	free(c->channels);
	for (i = 0; i < c->route_count; i++)
		config_route_free(c->routes[i]);
	free(c->routes);
	config_token_free(c);
	free(c->lines);
	free(c);
}

static struct config *
config_new(void)
{
	struct config *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->refs = 1;
	c->lines = calloc(CONFIG_SETTINGS_MAX, sizeof *c->lines);
	c->channels = calloc(1, sizeof *c->channels);
	if (c->lines == NULL || c->channels == NULL) {
		config_destroy(c);
		return NULL;
	}
	c->channel_count = 1;
	if ((c->channels[0].pattern = strdup("**")) == NULL) {
		config_destroy(c);
		return NULL;
	}
	return c;
}

static int
config_set_defaults(struct config *c, char **cause)
{
	const struct config_setting *s;

	for (s = config_settings; s->name != NULL; s++)
		if (config_setting_store_default(s, config_base(c, s), cause) ==
		    -1)
			return cause_prefix(cause, "default of %s: ", s->name);
	return 0;
}

/*
 * One NAME=VALUE.  is_seen[] has the settings that earlier overrides named: the
 * first override of a list replaces it, the next ones append.
 */
static int
config_override(struct config *c, const char *text, bool is_seen[],
    char **cause)
{
	size_t len = strcspn(text, "=");
	const struct config_setting *s;
	const char *value, *wrong;
	void *base;

	if (text[len] == '\0')
		return cause_set(cause, "is not NAME=VALUE");
	if ((s = config_setting_find(config_settings, text, len)) == NULL)
		return cause_set(cause, "no such setting");
	value = text + len + 1;
	base = config_base(c, s);
	c->lines[s - config_settings] = 0;
	wrong = config_token_wrong_setting(s->name);
	/* Without a pattern, nobody can be a channel's owner. */
	if (wrong == NULL && s->kind == &config_kind_who && *value != '\0')
		wrong = config_who_wrong_list(&value, 1, NULL);
	if (wrong != NULL)
		return cause_set(cause, "%s", wrong);
	if (s->kind->is_list) {
		if (!is_seen[s - config_settings] || *value == '\0')
			config_setting_clear(s, base);
		is_seen[s - config_settings] = true;
		if (*value == '\0')
			return 0;
	}
	return config_setting_store(s, base, value, cause);
}

/* An override for a message: without a secret. */
static void
config_describe_override(const char *text, char *to, size_t size)
{
	size_t name = strcspn(text, "="), len = strlen(text);
	const struct config_setting *s =
	    config_setting_find(config_settings, text, name);

	text_escape(text, s != NULL && s->kind->is_secret ? name : len, to,
	    size);
}

static int
config_override_all(struct config *c, const struct config_override *overrides,
    size_t count, char **cause)
{
	bool is_seen[CONFIG_SETTINGS_MAX] = { false };
	char text[512];
	size_t i;

	for (i = 0; i < count; i++) {
		if (config_override(c, overrides[i].text, is_seen, cause) == 0)
			continue;
		config_describe_override(overrides[i].text, text, sizeof text);
		return cause_prefix(cause, "-o %s: ", text);
	}
	return 0;
}

/* Gives a section what it leaves out. */
static void
config_inherit_channel(struct config_channel *channel,
    const struct config_channel *top)
{
	const struct config_setting *s;

	for (s = config_settings; s->name != NULL; s++) {
		if (!s->per_channel || config_setting_is_set(s, channel))
			continue;
		/* Crier's own channels are opened to people one by one. */
		config_setting_set_number(s, channel,
		    s->kind == &config_kind_who && channel->pattern[0] == '$'
			? 0
			: config_setting_number(s, top));
	}
}

/* What depends on other settings, when all of them are known. */
static int
config_complete(struct config *c)
{
	size_t last = c->channel_count - 1, i;

	for (i = 0; i < last; i++)
		config_inherit_channel(&c->channels[i], &c->channels[last]);
	if (c->fifo == NULL)
		c->fifo = paths_beside(c->queue, "queue.fifo");
	return c->fifo == NULL ? -1 : 0;
}

/*
 * Later steps need what earlier ones have set: overrides the file's values,
 * sections the top level's, and keys the algorithm.
 */
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
	config_destroy(c);
	return NULL;
}

struct config *
config_load_found(const char **file, char **cause, int *rc)
{
	if (*file == NULL)
		*file = getenv("CRIER_CONF");
	if (*file == NULL)
		*file = SYSCONFDIR "/crier.conf";
	*rc = access(*file, R_OK) == -1 && errno == EACCES ? EX_NOPERM
							   : EX_CONFIG;
	return config_load(*file, NULL, 0, cause);
}

/* The number of references is no part of what is immutable. */
static struct config *
config_own(const struct config *c)
{
	/* Only to be without const. NOLINTNEXTLINE(*-no-int-to-ptr) */
	return (struct config *)(uintptr_t)c;
}

const struct config *
config_ref(const struct config *c)
{
	config_own(c)->refs++;
	return c;
}

void
config_free(const struct config *c)
{
	if (c != NULL && --config_own(c)->refs == 0)
		config_destroy(config_own(c));
}

void
config_where(const struct config *c, const char *file, const char *name,
    char to[CONFIG_WHERE_SIZE])
{
	const struct config_setting *s =
	    config_setting_find(config_settings, name, strlen(name));
	int line = s == NULL ? 0 : c->lines[s - config_settings];

	to[0] = '\0';
	if (file != NULL && line > 0)
		snprintf(to, CONFIG_WHERE_SIZE, "%s:%d: ", file, line);
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
