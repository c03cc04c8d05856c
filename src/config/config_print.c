/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "config/config.h"
#include "config/config_route.h"
#include "config/config_setting.h"
#include "config/config_token.h"
#include "config/config_value.h"
#include "config/config_who.h"

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
config_print_number(const struct config_setting *s, uint64_t value, FILE *to)
{
	char text[QUANTITY_TEXT_SIZE];

	if (s->kind == CONFIG_SIZE)
		quantity_format_size(value, text);
	else if (s->kind == CONFIG_SECONDS)
		quantity_format_seconds(value, text);
	else
		snprintf(text, sizeof text, "%" PRIu64, value);
	fputs(text, to);
}

/* base is only read; the accessors are shared with those who write. */
static void
config_print_value(const struct config_setting *s, void *base, FILE *to)
{
	switch (s->kind) {
	case CONFIG_TEXT:
	case CONFIG_SOCKET:
	case CONFIG_FIFO:
	case CONFIG_STORE:
	case CONFIG_TEMPLATE:
	case CONFIG_NAME:
		config_print_quoted(*config_setting_text(s, base), to);
		break;
	case CONFIG_LIST:
	case CONFIG_LISTEN:
	case CONFIG_ORIGINS:
	case CONFIG_TEMPLATES:
		config_print_list(config_setting_list(s, base), to);
		break;
	case CONFIG_WHO:
		config_who_print(*config_setting_number(s, base), to);
		break;
	case CONFIG_MODE:
		fprintf(to, "%04o", (unsigned)*config_setting_mode(s, base));
		break;
	case CONFIG_WORD:
		fputs(s->words[*config_setting_number(s, base)], to);
		break;
	case CONFIG_FLAG:
		fputs(*config_setting_number(s, base) ? "true" : "false", to);
		break;
	case CONFIG_LOG_TARGET:
	case CONFIG_LOG_LEVEL:
		fputs(config_setting_log_word(s, base), to);
		break;
	default:
		config_print_number(s, *config_setting_number(s, base), to);
		break;
	}
}

static void
config_print_setting(const struct config_setting *s, void *base,
    const char *indent, FILE *to)
{
	char why[CONFIG_WHY_SIZE];

	if (config_token_wrong_setting(s->name, why))
		return;
	/* What is printed is shown around. */
	if (s->kind == CONFIG_SECRET) {
		if (**config_setting_text(s, base) != '\0')
			fprintf(to, "%s# %s is set, and not shown\n", indent,
			    s->name);
		return;
	}
	fprintf(to, "%s%s = ", indent, s->name);
	config_print_value(s, base, to);
	fputc('\n', to);
}

static void
config_print_channel(struct config_channel *channel, FILE *to)
{
	const struct config_setting *s;
	size_t i;

	fputs("channel ", to);
	config_print_quoted(channel->pattern, to);
	fputs(" {\n", to);
	for (i = 0; i < config_setting_count; i++) {
		s = &config_settings[i];
		if (!s->per_channel)
			continue;
		config_print_setting(s, channel, "\t", to);
	}
	fputs("}\n", to);
}

static void
config_print_token(struct config_token_key *key, FILE *to)
{
	size_t i;

	fputs("token ", to);
	config_print_quoted(key->kid, to);
	fputs(" {\n", to);
	for (i = 0; i < CONFIG_TOKEN_SETTINGS; i++) {
		if (config_token_settings[i].kind == CONFIG_TEXT &&
		    key->file[0] == '\0')
			continue;
		config_print_setting(&config_token_settings[i], key, "\t", to);
	}
	fputs("}\n", to);
}

static void
config_print_route(struct config_route *route, FILE *to)
{
	const struct config_setting *s;
	size_t i;

	fputs("route ", to);
	config_print_quoted(route->title, to);
	fputs(" {\n", to);
	for (i = 0; i < config_route_setting_count; i++) {
		s = &config_route_settings[i].setting;
		if (!config_route_is_set(s, route))
			continue;
		fprintf(to, "\t%s = ", s->name);
		config_print_value(s, route, to);
		fputc('\n', to);
	}
	fputs("}\n", to);
}

void
config_print(const struct config *config, FILE *to)
{
	struct config c = *config;
	struct config_channel *top = &c.channels[c.channel_count - 1];
	const struct config_setting *s;
	size_t i;

	for (i = 0; i < config_setting_count; i++) {
		s = &config_settings[i];
		config_print_setting(s,
		    s->per_channel ? (void *)top : (void *)&c, "", to);
	}
	for (i = 0; i + 1 < c.channel_count; i++)
		config_print_channel(&c.channels[i], to);
	for (i = 0; i < c.route_count; i++)
		if (!c.routes[i]->is_standing)
			config_print_route(c.routes[i], to);
	for (i = 0; i < c.token_key_count; i++)
		if (c.token_keys[i].kid[0] != '\0')
			config_print_token(&c.token_keys[i], to);
}

static bool
config_list_equal(const struct config_list *a, const struct config_list *b)
{
	size_t i;

	for (i = 0; a->count == b->count && i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->count == b->count;
}

static bool
config_value_equal(const struct config_setting *s, struct config *a,
    struct config *b)
{
	if (config_setting_is_list(s))
		return config_list_equal(config_setting_list(s, a),
		    config_setting_list(s, b));
	if (config_setting_is_text(s))
		return strcmp(*config_setting_text(s, a),
			   *config_setting_text(s, b)) == 0;
	if (s->kind == CONFIG_MODE)
		return *config_setting_mode(s, a) == *config_setting_mode(s, b);
	return *config_setting_number(s, a) == *config_setting_number(s, b);
}

const char *
config_needs_restart(const struct config *a, const struct config *b)
{
	struct config was = *a, is = *b;
	size_t i;

	for (i = 0; i < config_setting_count; i++)
		if (config_settings[i].restart &&
		    !config_value_equal(&config_settings[i], &was, &is))
			return config_settings[i].name;
	return NULL;
}
