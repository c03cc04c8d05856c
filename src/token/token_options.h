/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TOKEN_TOKEN_OPTIONS_H
#define CRIER_TOKEN_TOKEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "request/token_make.h"

/* The options of crier token; the texts are argv's. */
struct token_options {
	struct token_order order;
	const char *config, *kid, *key_file; /* NULL: not given */
	uint64_t algorithm;                  /* of key_file */
	bool has_algorithm;
	bool check; /* a token is read, not made */
};

/*
 * 0, -1 after help, or the exit code after a message.  In any case the options
 * end with token_options_clear.
 */
int token_options_read(struct token_options *, int argc, char **argv);
void token_options_clear(struct token_options *);

/*
 * The configuration that the options name, which has a key; the caller's.  Or
 * NULL with *rc, the exit code, after a message.
 */
struct config *token_options_config(const struct token_options *, int *rc);

#endif
