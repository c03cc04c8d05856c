/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "config/config_routes.h"
#include "config/config_section.h"
#include "config/config_token.h"
#include "config/config_value.h"

int
config_section_store(cfg_t *cfg, const struct config_setting *s, void *base,
    char **cause)
{
	cfg_opt_t *opt = cfg_getopt(cfg, s->name);
	unsigned n;

	/* A list replaces what was there before, even if it is empty. */
	if ((opt->flags & CFGF_MODIFIED) != 0)
		config_setting_clear(s, base);
	for (n = 0; n < cfg_opt_size(opt); n++)
		if (config_setting_store(s, base, cfg_opt_getnstr(opt, n),
			cause) == -1)
			return -1;
	return 0;
}

/* Makes room before the last channel, which is the top level's; or NULL. */
static struct config_channel *
config_section_new_channel(struct config *c, const char *pattern)
{
	struct config_channel *channels, *new;
	const struct config_setting *s;

	channels =
	    realloc(c->channels, (c->channel_count + 1) * sizeof *channels);
	if (channels == NULL)
		return NULL;
	c->channels = channels;
	new = &channels[c->channel_count - 1];
	channels[c->channel_count++] = *new;
	memset(new, 0, sizeof *new);
	for (s = config_settings; s->name != NULL; s++)
		if (s->per_channel)
			config_setting_unset(s, new);
	new->pattern = strdup(pattern);
	return new->pattern == NULL ? NULL : new;
}

static int
config_section_add_channel(struct config *c, cfg_t *section,
    struct config_section_place *place, char **cause)
{
	const char *title = cfg_title(section);
	const char *wrong = config_value_wrong_pattern(title);
	const struct config_setting *s;
	struct config_channel *channel;

	if (wrong != NULL)
		return cause_set(cause, "channel \"%s\": the pattern %s", title,
		    wrong);
	*cause = NULL;
	if ((channel = config_section_new_channel(c, title)) == NULL)
		return -1;
	for (s = config_settings; s->name != NULL; s++) {
		if (!s->per_channel)
			continue;
		place->wrong = s;
		if (config_section_store(section, s, channel, cause) == -1)
			return -1;
	}
	return 0;
}

static int
config_section_store_route(struct config_route *r, cfg_t *section,
    const struct config_setting **which, char **cause)
{
	const struct config_setting *s;
	cfg_opt_t *opt;

	for (s = config_route_settings; s->name != NULL; s++) {
		*which = s;
		opt = cfg_getopt(section, s->name);
		/* libConfuse has nothing to call back for in such a list. */
		if ((opt->flags & CFGF_MODIFIED) != 0 && cfg_opt_size(opt) == 0)
			return cause_set(cause, "must not be empty");
		if (config_section_store(section, s, r, cause) == -1)
			return -1;
	}
	return config_route_finish(r, which, cause);
}

static int
config_section_add_route(struct config *c, cfg_t *section,
    struct config_section_place *place, char **cause)
{
	const char *title = cfg_title(section);
	struct config_route *r = config_route_new(title, cause);

	if (r != NULL) {
		r->line = place->line;
		if (config_section_store_route(r, section, &place->wrong,
			cause) == 0)
			return config_routes_add(c, r);
		config_route_free(r);
	}
	if (place->wrong == NULL)
		cause_prefix(cause, "route \"%s\": ", title);
	return -1;
}

/* The last line of any setting, or else that of the title. */
static int
config_section_last_line(const struct config_section_place *place)
{
	size_t i;
	int last = 0;

	for (i = 0; i < CONFIG_SETTINGS_MAX; i++)
		if (place->lines[i] > last)
			last = place->lines[i];
	return last > 0 ? last : place->line;
}

static int
config_section_check_token(const struct config *c, const char *kid,
    char **cause)
{
	const char *wrong = config_token_wrong_setting("token");

	if (wrong != NULL)
		return cause_set(cause, "token \"%s\": %s", kid, wrong);
	if (kid[0] == '\0')
		return cause_set(cause, "token \"\": a name is missing");
	if ((wrong = config_value_wrong_text(kid)) != NULL)
		return cause_set(cause, "token \"%s\": the name %s", kid,
		    wrong);
	if (c->token_key_count == CONFIG_TOKENS_MAX)
		return cause_set(cause, "more than %d token sections",
		    CONFIG_TOKENS_MAX);
	return 0;
}

static int
config_section_add_token(struct config *c, cfg_t *section,
    struct config_section_place *place, char **cause)
{
	const char *kid = cfg_title(section);
	const struct config_setting *s;
	struct config_token_key *key;

	if (config_section_check_token(c, kid, cause) == -1)
		return -1;
	*cause = NULL;
	if ((key = config_token_add(c, kid)) == NULL)
		return -1;
	key->line = config_section_last_line(place);
	for (s = config_token_settings; s->name != NULL; s++) {
		place->wrong = s;
		if (config_section_store(section, s, key, cause) == -1)
			return -1;
	}
	return 0;
}

const struct config_section config_sections[CONFIG_SECTIONS] = {
	{ "channel", config_settings, .is_channel = true,
	    .add = config_section_add_channel },
	{ "route", config_route_settings, .check = config_route_check_value,
	    .add = config_section_add_route },
	{ "token", config_token_settings, .add = config_section_add_token },
};

const struct config_section *
config_section_find(const char *name)
{
	size_t i;

	for (i = 0; i < CONFIG_SECTIONS; i++)
		if (strcmp(config_sections[i].name, name) == 0)
			return &config_sections[i];
	return NULL;
}
