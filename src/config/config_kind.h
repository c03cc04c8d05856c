/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_CONFIG_KIND_H
#define CRIER_CONFIG_CONFIG_KIND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/quantity.h"

/* What a setting's value is: how it is written, and how it is kept. */

/* What a structure has in a setting's place. */
enum config_storage {
	CONFIG_NUMBER, /* uint64_t */
	CONFIG_STRING, /* char *, on the heap */
	CONFIG_STRINGS /* struct config_list */
};

struct config_kind {
	enum config_storage storage;
	bool is_list;   /* many words are written, and come one by one */
	bool is_secret; /* never shown to anybody */

	/* A string or one word of a list: NULL, or what is wrong with it. */
	const char *(*wrong)(const char *text);
	/* Makes of a string that is right what is kept; NULL: it stays. */
	void (*fold)(char *text);

	/* A number: false if the text is none; form says what it must be. */
	bool (*parse)(const char *text, uint64_t *number);
	void (*format)(uint64_t number, char to[QUANTITY_TEXT_SIZE]);
	const char *form;

	/* A number that is a list: the bits that a right word stands for. */
	uint64_t (*bits)(const char *word);
	void (*print_bits)(uint64_t bits, FILE *);
};

extern const struct config_kind config_kind_text; /* one line */
extern const struct config_kind config_kind_secret;
extern const struct config_kind config_kind_lines; /* a text of any lines */
extern const struct config_kind config_kind_socket;
extern const struct config_kind config_kind_store;
extern const struct config_kind config_kind_name; /* a cookie's, or none */
extern const struct config_kind config_kind_template;

extern const struct config_kind config_kind_texts; /* none of them empty */
extern const struct config_kind config_kind_addresses;
extern const struct config_kind config_kind_origins; /* kept in lower case */
extern const struct config_kind config_kind_templates;
extern const struct config_kind config_kind_viewers; /* of a status */

extern const struct config_kind config_kind_count;
extern const struct config_kind config_kind_size;    /* bytes */
extern const struct config_kind config_kind_seconds; /* kept in milliseconds */
extern const struct config_kind config_kind_linger;  /* or "forever" */
extern const struct config_kind config_kind_mode;    /* permissions */
extern const struct config_kind config_kind_flag;    /* 0 or 1 */
extern const struct config_kind
    config_kind_word; /* its place in the row's words */
extern const struct config_kind config_kind_who; /* bits of enum config_who */

#endif
