/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_key.h"
#include "config/config_token.h"

#define CONFIG_IN_KEY(member) \
	.offset = offsetof(struct config_token_key, member)

const char *const config_algorithms[CONFIG_ALGORITHMS] = {
	[CONFIG_HS256] = "HS256",
	[CONFIG_HS384] = "HS384",
	[CONFIG_HS512] = "HS512",
	[CONFIG_RS256] = "RS256",
	[CONFIG_RS384] = "RS384",
	[CONFIG_RS512] = "RS512",
	[CONFIG_ES256] = "ES256",
	[CONFIG_ES384] = "ES384",
	[CONFIG_ES512] = "ES512",
};

const struct config_setting config_token_settings[CONFIG_TOKEN_SETTINGS] = {
	{ "key", CONFIG_SECRET, CONFIG_IN_KEY(text) },
	{ "key-file", CONFIG_TEXT, CONFIG_IN_KEY(file) },
	{ "algorithm", CONFIG_WORD, CONFIG_IN_KEY(algorithm),
	    CONFIG_WORDS(config_algorithms), .form = CONFIG_ALGORITHM_FORM },
};

bool
config_token_wrong_setting(const char *name, char why[CONFIG_WHY_SIZE])
{
#ifdef HAVE_LIBJWT
	static const bool is_known = true;
#else
	static const bool is_known = false;
#endif

	if (is_known ||
	    (strcmp(name, "token") != 0 && strncmp(name, "token-", 6) != 0))
		return false;
	snprintf(why, CONFIG_WHY_SIZE,
	    "this program was built without tokens (libjwt)");
	return true;
}

struct config_token_key *
config_token_add(struct config *c, const char *kid)
{
	struct config_token_key *keys, *new;

	keys = realloc(c->token_keys, (c->token_key_count + 1) * sizeof *keys);
	if (keys == NULL)
		return NULL;
	c->token_keys = keys;
	new = &keys[c->token_key_count++];
	memset(new, 0, sizeof *new);
	new->kid = strdup(kid);
	new->text = strdup("");
	new->file = strdup("");
	new->algorithm = UINT64_MAX;
	if (new->kid == NULL || new->text == NULL || new->file == NULL)
		return NULL;
	return new;
}

/* The settings of the top level are one more key. */
static int
config_token_add_top(struct config *c)
{
	struct config_token_key *k;

	if (c->token_key[0] == '\0' && c->token_key_file[0] == '\0')
		return 0;
	if ((k = config_token_add(c, "")) == NULL)
		return -1;
	free(k->text);
	free(k->file);
	k->text = strdup(c->token_key);
	k->file = strdup(c->token_key_file);
	k->line = c->token_key_line;
	return k->text == NULL || k->file == NULL ? -1 : 0;
}

/* Takes words, NULL for want of memory; frees them. */
static int
config_token_warn(struct config *c, char *words)
{
	char **items =
	    realloc(c->warnings.items, (c->warnings.count + 1) * sizeof *items);

	if (items != NULL)
		c->warnings.items = items;
	if (items == NULL || words == NULL) {
		free(words);
		return -1;
	}
	items[c->warnings.count++] = words;
	return 0;
}

/* "FILE:LINE: SETTING: " or the part of it that is known; or NULL. */
static char *
config_token_where(const struct config_token_key *k, const char *file)
{
	const char *name = k->file[0] == '\0' ? "key" : "key-file";
	char line[32] = "", *where;
	int n;

	if (k->line > 0)
		snprintf(line, sizeof line, ":%d", k->line);
	if (file == NULL || k->line == 0)
		file = "";
	if (k->kid[0] == '\0')
		n = asprintf(&where, "%s%s%stoken-%s: ", file, line,
		    line[0] == '\0' ? "" : ": ", name);
	else
		n = asprintf(&where, "%s%s%stoken \"%s\": %s: ", file, line,
		    line[0] == '\0' ? "" : ": ", k->kid, name);
	return n == -1 ? NULL : where;
}

/* Puts where in front of what, an allocated text that it frees; or NULL. */
static char *
config_token_join(const char *where, char *what)
{
	char *text = NULL;

	if (where != NULL && what != NULL &&
	    asprintf(&text, "%s%s", where, what) == -1)
		text = NULL;
	free(what);
	return text;
}

static int
config_token_read(struct config *c, struct config_token_key *k,
    const char *file, char **cause)
{
	char *where = config_token_where(k, file), *warning = NULL;
	int rc = -1;

	if (k->algorithm == UINT64_MAX)
		k->algorithm = c->token_algorithm;
	*cause = NULL;
	if (k->text[0] != '\0' && k->file[0] != '\0')
		*cause = strdup("there are a key and a key-file");
	else if (k->text[0] == '\0' && k->file[0] == '\0')
		*cause = strdup("there is no key and no key-file");
	else
		rc = config_key_read(k, false, cause, &warning);
	if (rc == -1)
		*cause = config_token_join(where, *cause);
	if (warning != NULL)
		warning = config_token_join(where, warning);
	if (rc == 0 && warning != NULL)
		rc = config_token_warn(c, warning);
	else
		free(warning);
	free(where);
	return rc;
}

/* Rules that nobody can follow. */
static int
config_token_look(struct config *c)
{
	const struct config_channel *channel;
	size_t i;
	char *words;

	for (i = 0; c->token_key_count == 0 && i < c->channel_count; i++) {
		channel = &c->channels[i];
		if (((channel->subscribe | channel->publish) & CONFIG_TOKEN) ==
		    0)
			continue;
		if (asprintf(&words,
			"channel \"%s\": token: nobody has one, for there is "
			"no token-key",
			channel->pattern) == -1)
			words = NULL;
		return config_token_warn(c, words);
	}
	return 0;
}

int
config_token_load(struct config *c, const char *file, char **cause)
{
	size_t i;

	*cause = NULL;
	if (config_token_add_top(c) == -1)
		return -1;
	for (i = 0; i < c->token_key_count; i++)
		if (config_token_read(c, &c->token_keys[i], file, cause) == -1)
			return -1;
	return config_token_look(c);
}

void
config_token_free(struct config *c)
{
	while (c->token_key_count > 0)
		config_key_clear(&c->token_keys[--c->token_key_count]);
	free(c->token_keys);
	while (c->warnings.count > 0)
		free(c->warnings.items[--c->warnings.count]);
	free(c->warnings.items);
}
