/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A configuration as a file that is read back to the same (config_print).  The
 * tables of settings say what is printed and how; here is the syntax.
 */

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/config_route.h"
#include "config/config_setting.h"
#include "config/config_token.h"

/* '$' is escaped because libConfuse replaces ${NAME} in quotes. */
static void
config_print_quoted(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (strchr("\"\\$", *text) != NULL)
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void
config_print_list(const struct config_list *list, FILE *to)
{
	size_t i;

	fputc('{', to);
	for (i = 0; i < list->count; i++) {
		fputs(i == 0 ? " " : ", ", to);
		config_print_quoted(list->items[i], to);
	}
	fputs(list->count == 0 ? "}" : " }", to);
}

static void
config_print_number(const struct config_setting *s, uint64_t number, FILE *to)
{
	char text[QUANTITY_TEXT_SIZE];

	if (s->kind->print_bits != NULL) {
		s->kind->print_bits(number, to);
	} else if (s->words != NULL) {
		fputs(s->words[number], to);
	} else {
		s->kind->format(number, text);
		fputs(text, to);
	}
}

/* A secret is not shown: what is printed here is shown around. */
static void
config_print_setting(const struct config_setting *s, const void *base,
    const char *indent, FILE *to)
{
	if (s->kind->is_secret) {
		if (*config_setting_string(s, base) != '\0')
			fprintf(to, "%s# %s is set, and not shown\n", indent,
			    s->name);
		return;
	}
	fprintf(to, "%s%s = ", indent, s->name);
	if (s->kind->storage == CONFIG_STRING)
		config_print_quoted(config_setting_string(s, base), to);
	else if (s->kind->storage == CONFIG_STRINGS)
		config_print_list(config_setting_strings(s, base), to);
	else
		config_print_number(s, config_setting_number(s, base), to);
	fputc('\n', to);
}

static void
config_print_top(const struct config *c, FILE *to)
{
	const struct config_channel *top = &c->channels[c->channel_count - 1];
	const struct config_setting *s;

	for (s = config_settings; s->name != NULL; s++)
		if (config_token_wrong_setting(s->name) == NULL)
			config_print_setting(s,
			    s->per_channel ? (const void *)top
					   : (const void *)c,
			    "", to);
}

static bool
config_print_of_channel(const struct config_setting *s, const void *channel)
{
	(void)channel;
	return s->per_channel;
}

/* A key's texts are never NULL: those that were not set are empty. */
static bool
config_print_of_token(const struct config_setting *s, const void *key)
{
	return s->kind->storage != CONFIG_STRING ||
	    *config_setting_string(s, key) != '\0';
}

/* A kind of section, and which of a table's settings stand in one. */
struct config_print_kind {
	const char *name;
	const struct config_setting *settings;
	bool (*has)(const struct config_setting *, const void *base);
};

static void
config_print_section(const struct config_print_kind *kind, const char *title,
    const void *base, FILE *to)
{
	const struct config_setting *s;

	fprintf(to, "%s ", kind->name);
	config_print_quoted(title, to);
	fputs(" {\n", to);
	for (s = kind->settings; s->name != NULL; s++)
		if (kind->has(s, base))
			config_print_setting(s, base, "\t", to);
	fputs("}\n", to);
}

void
config_print(const struct config *c, FILE *to)
{
	static const struct config_print_kind channel = { "channel",
		config_settings, config_print_of_channel };
	static const struct config_print_kind route = { "route",
		config_route_settings, config_setting_is_set };
	static const struct config_print_kind token = { "token",
		config_token_settings, config_print_of_token };
	size_t i;

	config_print_top(c, to);
	for (i = 0; i + 1 < c->channel_count; i++)
		config_print_section(&channel, c->channels[i].pattern,
		    &c->channels[i], to);
	for (i = 0; i < c->route_count; i++)
		if (!c->routes[i]->is_standing)
			config_print_section(&route, c->routes[i]->title,
			    c->routes[i], to);
	for (i = 0; i < c->token_key_count; i++)
		if (c->token_keys[i].kid[0] != '\0')
			config_print_section(&token, c->token_keys[i].kid,
			    &c->token_keys[i], to);
}
