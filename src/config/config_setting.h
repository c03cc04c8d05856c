/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_SETTING_H
#define CRIER_CONFIG_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "protocol/limits.h"

/* The table of settings, which reading, printing and comparing walk. */

enum config_kind {
	CONFIG_TEXT,
	CONFIG_SECRET, /* a text that is never shown */
	CONFIG_SOCKET,
	CONFIG_FIFO,
	CONFIG_LIST,
	CONFIG_LISTEN,  /* a list of addresses */
	CONFIG_ORIGINS, /* a list of origins, in lower case */
	CONFIG_MODE,
	CONFIG_COUNT,
	CONFIG_SIZE,     /* bytes */
	CONFIG_SECONDS,  /* with decimals; kept as milliseconds */
	CONFIG_WORD,     /* one of words, kept as its place among them */
	CONFIG_FLAG,     /* true or false, kept as 1 or 0 */
	CONFIG_STORE,    /* a text that says where history is kept */
	CONFIG_TEMPLATE, /* a text; config_route looks into it */
	CONFIG_TEMPLATES,
	CONFIG_NAME, /* of a cookie or parameter, or empty */
	CONFIG_WHO,  /* a list of words, kept as bits of enum config_who */
	CONFIG_LOG_TARGET,
	CONFIG_LOG_LEVEL
};

struct config_setting {
	const char *name;
	enum config_kind kind;
	bool per_channel; /* offset is in struct config_channel */
	bool restart;     /* see config_needs_restart */
	size_t offset;
	const struct limit *range; /* of numbers, in the program's units */
	const char *const *words;  /* of CONFIG_WORD */
	size_t word_count;
	const char *form;    /* how an error names the words */
	const char *initial; /* NULL: made by config_load, or an empty list */
};

/* A range, and words, as a row of a table has them. */
#define CONFIG_RANGE(least, most)      \
	.range = &(const struct limit) \
	{                              \
		least, most            \
	}
#define CONFIG_WORDS(array) \
	.words = (array), .word_count = sizeof(array) / sizeof *(array)

enum {
	CONFIG_WHY_SIZE = 160
};

extern const struct config_setting config_settings[];
extern const size_t config_setting_count;

bool config_setting_is_list(const struct config_setting *);
bool config_setting_is_text(const struct config_setting *);

/*
 * Whether text is a value (or, of a list, an item) for the setting.  If not,
 * why says so in words that follow "NAME: ".
 */
bool config_setting_check(const struct config_setting *, const char *text,
    char why[CONFIG_WHY_SIZE]);

/*
 * Checks and puts text into base (the struct config, or the struct
 * config_channel of a per_channel setting); appends to a list.  0, or -1 with
 * why and nothing changed.
 */
int config_setting_store(const struct config_setting *, void *base,
    const char *text, char why[CONFIG_WHY_SIZE]);

/* Frees what base holds of the setting and makes it empty (lists, texts). */
void config_setting_clear(const struct config_setting *, void *base);

/* Where base holds it, by kind. */
uint64_t *config_setting_number(const struct config_setting *, void *base);
char **config_setting_text(const struct config_setting *, void *base);
struct config_list *
config_setting_list(const struct config_setting *, void *base);
mode_t *config_setting_mode(const struct config_setting *, void *base);

/* The words of log and log-level for what base holds. */
const char *
config_setting_log_word(const struct config_setting *, const struct config *);

#endif
