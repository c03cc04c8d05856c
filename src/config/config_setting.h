/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_SETTING_H
#define CRIER_CONFIG_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/config_kind.h"
#include "protocol/limits.h"

/*
 * A setting is a row of a table, and a member of the structure that the row's
 * offset is in.  All that is done with settings (reading the file and -o,
 * defaults, checking, printing, comparing, freeing) walks the tables, so a
 * setting is added there and nowhere else: config_table.c has those of the top
 * level and of channel sections, config_route_table.c those of routes, and
 * config_token.c those of keys.
 */
struct config_setting {
	const char *name;
	const struct config_kind *kind;
	size_t offset;
	const struct limit *range; /* of a number; NULL: any */
	const char *const *words;  /* of config_kind_word */
	size_t word_count;
	const char *form; /* the words, as an error names them */

	/*
	 * The default: initial, or what make finds out (on the heap; NULL: no
	 * memory).  With neither there is nothing, or no words.
	 */
	const char *initial;
	char *(*make)(void);

	/* For settings of the top level alone. */
	bool per_channel; /* in sections, too: offset is in config_channel */
	bool restart;     /* see config_needs_restart */

	/* For settings of a route alone. */
	unsigned routes; /* CONFIG_ROUTE_BITs of those that it may stand in */
	bool is_kind;    /* it makes the route one of that kind */
	unsigned field;  /* enum config_route_field of what is published */
};

/* An offset, a range and words, as a row has them. */
#define CONFIG_AT(structure, member) .offset = offsetof(structure, member)
#define CONFIG_RANGE(least, most) \
	.range = (&(const struct limit){ .min = (least), .max = (most) })
#define CONFIG_LIMIT(name) .range = (&limit_of[name])
#define CONFIG_WORDS(array) \
	.words = (array), .word_count = sizeof(array) / sizeof *(array)

enum {
	CONFIG_SETTINGS_MAX = 64 /* rows of a table */
};

/* At most so many rows, and then one without a name. */
#define CONFIG_TABLE_FITS(table) \
	(sizeof(table) / sizeof *(table) <= CONFIG_SETTINGS_MAX + 1)

/* Those of the top level, a row without a name behind them. */
extern const struct config_setting config_settings[];

/* The row of a table that has this name, or NULL. */
const struct config_setting *config_setting_find(const struct config_setting *,
    const char *name, size_t len);

/*
 * In all of these, base is the structure that the setting's offset is in.  What
 * base has, by the kind's storage; a string may be NULL:
 */
uint64_t config_setting_number(const struct config_setting *, const void *base);
const char *
config_setting_string(const struct config_setting *, const void *base);
const struct config_list *
config_setting_strings(const struct config_setting *, const void *base);

/* A number that is not CONFIG_UNSET, a string that is there, any words. */
bool config_setting_is_set(const struct config_setting *, const void *base);

/*
 * Whether text is a value (or, of a list, an item) for the setting: 0, or -1
 * with *cause in words that follow "NAME: ".
 */
int config_setting_check(const struct config_setting *, const char *text,
    char **cause);

/*
 * Checks and puts text into base; appends to a list.  0, or -1 with *cause and
 * nothing changed.
 */
int config_setting_store(const struct config_setting *, void *base,
    const char *text, char **cause);

/* Stores the default, if there is one: 0, or -1 with *cause. */
int config_setting_store_default(const struct config_setting *, void *base,
    char **cause);

/* Frees a string or list; a list is empty then, even if it is a number. */
void config_setting_clear(const struct config_setting *, void *base);

/* Makes a number what it is not as long as nobody has set it. */
void config_setting_unset(const struct config_setting *, void *base);

void config_setting_set_number(const struct config_setting *, void *base,
    uint64_t number);

#endif
