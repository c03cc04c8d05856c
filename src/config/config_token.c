/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "config/config_key.h"
#include "config/config_token.h"

#define CONFIG_KEY(member) CONFIG_AT(struct config_token_key, member)

const struct config_setting config_token_settings[] = {
	{ "key", &config_kind_secret, CONFIG_KEY(text) },
	{ "key-file", &config_kind_text, CONFIG_KEY(file) },
	{ "algorithm", &config_kind_word, CONFIG_KEY(algorithm),
	    CONFIG_WORDS(config_algorithms), .form = CONFIG_ALGORITHM_FORM },
	{ .name = NULL },
};

const char *
config_token_wrong_setting(const char *name)
{
#ifdef HAVE_LIBJWT
	(void)name;
	return NULL;
#else
	if (strcmp(name, "token") != 0 && strncmp(name, "token-", 6) != 0)
		return NULL;
	return "this program was built without tokens (libjwt)";
#endif
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
	new->algorithm = CONFIG_UNSET;
	if (new->kid == NULL || new->text == NULL || new->file == NULL)
		return NULL;
	return new;
}

/* Adds the key of the top level, behind those of the sections. */
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

/* Takes a warning, which is freed if that fails, or NULL: no memory. */
static int
config_token_warn(struct config *c, char *warning)
{
	char **items =
	    realloc(c->warnings.items, (c->warnings.count + 1) * sizeof *items);

	if (items != NULL)
		c->warnings.items = items;
	if (items == NULL || warning == NULL) {
		free(warning);
		return -1;
	}
	items[c->warnings.count++] = warning;
	return 0;
}

/* Puts "FILE:LINE: SETTING: " in front, or the part of it that is known. */
static void
config_token_say_where(const struct config_token_key *k, const char *file,
    char **cause)
{
	const char *name = k->file[0] == '\0' ? "key" : "key-file";

	if (k->kid[0] == '\0')
		cause_prefix(cause, "token-%s: ", name);
	else
		cause_prefix(cause, "token \"%s\": %s: ", k->kid, name);
	if (k->line > 0)
		cause_prefix(cause, "%s:%d: ", file == NULL ? "" : file,
		    k->line);
}

static int
config_token_read(struct config *c, struct config_token_key *k,
    const char *file, char **cause)
{
	char *warning = NULL;
	int rc;

	if (k->algorithm == CONFIG_UNSET)
		k->algorithm = c->token_algorithm;
	if (k->text[0] != '\0' && k->file[0] != '\0')
		rc = cause_set(cause, "there are a key and a key-file");
	else if (k->text[0] == '\0' && k->file[0] == '\0')
		rc = cause_set(cause, "there is no key and no key-file");
	else
		rc = config_key_read(k, false, cause, &warning);
	if (rc == -1) {
		free(warning);
		config_token_say_where(k, file, cause);
		return -1;
	}
	if (warning == NULL)
		return 0;
	config_token_say_where(k, file, &warning);
	return config_token_warn(c, warning);
}

/* Warns of channels that want a token where nobody can have one. */
static int
config_token_check_channels(struct config *c)
{
	const struct config_channel *channel;
	char *warning;
	size_t i;

	for (i = 0; c->token_key_count == 0 && i < c->channel_count; i++) {
		channel = &c->channels[i];
		if (((channel->subscribe | channel->publish) & CONFIG_TOKEN) ==
		    0)
			continue;
		cause_set(&warning,
		    "channel \"%s\": token: nobody has one, for there is "
		    "no token-key",
		    channel->pattern);
		return config_token_warn(c, warning);
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
	return config_token_check_channels(c);
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
