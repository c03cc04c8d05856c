/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_SECTION_H
#define CRIER_CONFIG_CONFIG_SECTION_H

#include <confuse.h>
#include <stdbool.h>

#include "config/config.h"
#include "config/config_setting.h"

/* The kinds of section that a file may have, and what becomes of one. */

/* Where a section is, and then what is wrong in it. */
struct config_section_place {
	int line;                       /* of its title */
	int lines[CONFIG_SETTINGS_MAX]; /* of the table's settings; 0: not in it
					 */
	const struct config_setting *wrong; /* or NULL, if it is none of them */
};

struct config_section {
	const char *name;
	const struct config_setting *settings;
	bool is_channel; /* it has the per_channel settings alone */
	/* config_setting_check, of a section with this title; or NULL. */
	int (*check)(const char *title, const struct config_setting *,
	    const char *text, char **cause);
	/*
	 * Adds a section that has been read to the configuration: 0, or -1
	 * with place->wrong and *cause, which follows that setting's name.
	 */
	int (*add)(struct config *, cfg_t *, struct config_section_place *,
	    char **cause);
};

enum {
	CONFIG_SECTIONS = 3
};

extern const struct config_section config_sections[CONFIG_SECTIONS];

/* NULL for the top level. */
const struct config_section *config_section_find(const char *name);

/*
 * Stores what libConfuse has read for a setting: 0, or -1 with *cause, which
 * follows its name.
 */
int config_section_store(cfg_t *, const struct config_setting *, void *base,
    char **cause);

#endif
