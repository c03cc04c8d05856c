/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "config/config.h"
#include "config/config_who.h"

static const struct config_who_word {
	const char *word;
	uint64_t bit;
} config_who_words[] = { { "nobody", 0 }, { "anyone", CONFIG_ANYONE },
	{ "user", CONFIG_USER }, { "owner", CONFIG_OWNER },
	{ "token", CONFIG_TOKEN }, { "local", CONFIG_LOCAL } };

enum {
	CONFIG_WHO_WORDS = sizeof config_who_words / sizeof config_who_words[0]
};

static const struct config_who_word *
config_who_find(const char *word)
{
	size_t i;

	for (i = 0; i < CONFIG_WHO_WORDS; i++)
		if (strcmp(config_who_words[i].word, word) == 0)
			return &config_who_words[i];
	return NULL;
}

const char *
config_who_wrong(const char *word)
{
	const struct config_who_word *found = config_who_find(word);

	if (found != NULL && found->bit != CONFIG_LOCAL)
		return NULL;
	return "must be anyone, user, owner, token or nobody";
}

const char *
config_who_wrong_viewer(const char *word)
{
	const struct config_who_word *found = config_who_find(word);

	if (found != NULL && found->bit != CONFIG_OWNER)
		return NULL;
	return "must be anyone, local, user, token or nobody";
}

uint64_t
config_who_bit(const char *word)
{
	const struct config_who_word *found = config_who_find(word);

	return found == NULL ? 0 : found->bit;
}

bool
config_who_has_owner(const char *pattern)
{
	size_t n;

	for (;; pattern += n + 1) {
		n = strcspn(pattern, "/");
		if (n == 1 && *pattern == '*')
			return true;
		if (pattern[n] == '\0')
			return false;
	}
}

const char *
config_who_wrong_list(const char *const *words, size_t count,
    const char *pattern)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; why == NULL && i < count; i++) {
		why = config_who_wrong(words[i]);
		if (why == NULL && count > 1 && config_who_bit(words[i]) == 0)
			why = "nobody stands alone";
		if (why != NULL || config_who_bit(words[i]) != CONFIG_OWNER)
			continue;
		if (pattern == NULL)
			why = "owner can only stand in a channel section";
		else if (!config_who_has_owner(pattern))
			why = "owner needs a '*' as a segment of the pattern";
	}
	return why;
}

void
config_who_print(uint64_t who, FILE *to)
{
	const char *separator = "{ ";
	size_t i;

	for (i = 0; i < CONFIG_WHO_WORDS; i++) {
		if ((who & config_who_words[i].bit) == 0 &&
		    who != config_who_words[i].bit)
			continue;
		fprintf(to, "%s%s", separator, config_who_words[i].word);
		separator = ", ";
	}
	fputs(" }", to);
}
