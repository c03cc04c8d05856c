/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "config/config_setting.h"

const struct config_setting *
config_setting_find(const struct config_setting *table, const char *name,
    size_t len)
{
	const struct config_setting *s;

	for (s = table; s->name != NULL; s++)
		if (strncmp(s->name, name, len) == 0 && s->name[len] == '\0')
			return s;
	return NULL;
}

/* Where base has the value: of the type that its kind's storage says. */
static void *
config_setting_place(const struct config_setting *s, void *base)
{
	return (char *)base + s->offset;
}

static const void *
config_setting_look(const struct config_setting *s, const void *base)
{
	return (const char *)base + s->offset;
}

uint64_t
config_setting_number(const struct config_setting *s, const void *base)
{
	return *(const uint64_t *)config_setting_look(s, base);
}

const char *
config_setting_string(const struct config_setting *s, const void *base)
{
	return *(char *const *)config_setting_look(s, base);
}

const struct config_list *
config_setting_strings(const struct config_setting *s, const void *base)
{
	return config_setting_look(s, base);
}

bool
config_setting_is_set(const struct config_setting *s, const void *base)
{
	switch (s->kind->storage) {
	case CONFIG_STRING:
		return config_setting_string(s, base) != NULL;
	case CONFIG_STRINGS:
		return config_setting_strings(s, base)->count > 0;
	default:
		return config_setting_number(s, base) != CONFIG_UNSET;
	}
}

/* The place of text among the words, or their number. */
static size_t
config_setting_word(const struct config_setting *s, const char *text)
{
	size_t i;

	for (i = 0; i < s->word_count; i++)
		if (strcmp(text, s->words[i]) == 0)
			break;
	return i;
}

static int
config_setting_refuse_range(const struct config_setting *s, char **cause)
{
	char min[QUANTITY_TEXT_SIZE], max[QUANTITY_TEXT_SIZE];

	s->kind->format(s->range->min, min);
	s->kind->format(s->range->max, max);
	return cause_set(cause, "must be from %s to %s", min, max);
}

static int
config_setting_read_number(const struct config_setting *s, const char *text,
    uint64_t *number, char **cause)
{
	if (s->words != NULL) {
		*number = config_setting_word(s, text);
		if (*number == s->word_count)
			return cause_set(cause, "must be %s", s->form);
		return 0;
	}
	if (!s->kind->parse(text, number))
		return cause_set(cause, "must be %s", s->kind->form);
	if (s->range != NULL && !limit_allows(s->range, *number))
		return config_setting_refuse_range(s, cause);
	return 0;
}

int
config_setting_check(const struct config_setting *s, const char *text,
    char **cause)
{
	const char *wrong;
	uint64_t number;

	if (s->kind->wrong == NULL)
		return config_setting_read_number(s, text, &number, cause);
	wrong = s->kind->wrong(text);
	return wrong == NULL ? 0 : cause_set(cause, "%s", wrong);
}

/* Takes the copy of a text, and gives it to base or frees it. */
static int
config_setting_store_copy(const struct config_setting *s, void *base,
    char *copy)
{
	struct config_list *list;
	char **items, **string;

	if (s->kind->fold != NULL)
		s->kind->fold(copy);
	if (s->kind->storage == CONFIG_STRING) {
		string = config_setting_place(s, base);
		free(*string);
		*string = copy;
		return 0;
	}
	list = config_setting_place(s, base);
	items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (items == NULL) {
		free(copy);
		return -1;
	}
	items[list->count++] = copy;
	list->items = items;
	return 0;
}

int
config_setting_store(const struct config_setting *s, void *base,
    const char *text, char **cause)
{
	uint64_t number;
	char *copy;

	if (config_setting_check(s, text, cause) == -1)
		return -1;
	if (s->kind->storage != CONFIG_NUMBER) {
		*cause = NULL;
		copy = strdup(text);
		return copy == NULL ? -1
				    : config_setting_store_copy(s, base, copy);
	}
	if (s->kind->bits != NULL)
		number = config_setting_number(s, base) | s->kind->bits(text);
	else if (config_setting_read_number(s, text, &number, cause) == -1)
		return -1;
	config_setting_set_number(s, base, number);
	return 0;
}

int
config_setting_store_default(const struct config_setting *s, void *base,
    char **cause)
{
	char *text;
	int rc;

	if (s->initial != NULL)
		return config_setting_store(s, base, s->initial, cause);
	if (s->make == NULL)
		return 0;
	*cause = NULL;
	if ((text = s->make()) == NULL)
		return -1;
	rc = config_setting_store(s, base, text, cause);
	free(text);
	return rc;
}

void
config_setting_set_number(const struct config_setting *s, void *base,
    uint64_t number)
{
	*(uint64_t *)config_setting_place(s, base) = number;
}

void
config_setting_unset(const struct config_setting *s, void *base)
{
	if (s->kind->storage == CONFIG_NUMBER)
		config_setting_set_number(s, base, CONFIG_UNSET);
}

void
config_setting_clear(const struct config_setting *s, void *base)
{
	struct config_list *list;
	char **string;

	switch (s->kind->storage) {
	case CONFIG_STRING:
		string = config_setting_place(s, base);
		free(*string);
		*string = NULL;
		break;
	case CONFIG_STRINGS:
		list = config_setting_place(s, base);
		while (list->count > 0)
			free(list->items[--list->count]);
		free(list->items);
		list->items = NULL;
		break;
	default:
		if (s->kind->is_list)
			config_setting_set_number(s, base, 0);
	}
}
