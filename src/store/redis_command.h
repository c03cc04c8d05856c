/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_COMMAND_H
#define CRIER_STORE_REDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/id.h"
#include "store/redis_link.h"
#include "store/redis_script.h"

/*
 * A command that is put together: its words stay their owners', but for
 * numbers, which are written here.
 */
struct redis_command {
	struct redis_words words;
	struct buffer numbers; /* never moves: there is room for all words */
};

/* An empty command of at most so many words; 0, or -1 (memory). */
int redis_command_begin(struct redis_command *, size_t words);
void redis_command_clear(struct redis_command *);

void redis_command_add(struct redis_command *, const char *text, size_t len);
void redis_command_add_text(struct redis_command *, const char *text);
void redis_command_add_number(struct redis_command *, uint64_t);

/* Its two numbers, a word each. */
void redis_command_add_id(struct redis_command *, struct id);

/*
 * A script's call, up to its number of keys: by its hash, or with its text if
 * the Redis does not know it.
 */
void redis_command_add_script(struct redis_command *, enum redis_script_name,
    bool with_text, size_t keys);

enum {
	REDIS_COMMAND_SCRIPT = 3 /* words of that */
};

#endif
