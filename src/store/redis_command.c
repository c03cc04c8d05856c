/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis_command.h"

enum {
	REDIS_COMMAND_NUMBER_SIZE = 21 /* 20 digits and a NUL */
};

int
redis_command_begin(struct redis_command *c, size_t words)
{
	memset(c, 0, sizeof *c);
	c->words.text = calloc(words, sizeof *c->words.text);
	c->words.len = calloc(words, sizeof *c->words.len);
	c->words.room = words;
	if (c->words.text != NULL && c->words.len != NULL &&
	    buffer_reserve(&c->numbers, words * REDIS_COMMAND_NUMBER_SIZE) !=
		NULL)
		return 0;
	redis_command_clear(c);
	return -1;
}

void
redis_command_clear(struct redis_command *c)
{
	free(c->words.text);
	free(c->words.len);
	buffer_clear(&c->numbers);
	memset(&c->words, 0, sizeof c->words);
}

void
redis_command_add(struct redis_command *c, const char *text, size_t len)
{
	if (c->words.count == c->words.room)
		abort();
	c->words.text[c->words.count] = text;
	c->words.len[c->words.count++] = len;
}

void
redis_command_add_text(struct redis_command *c, const char *text)
{
	redis_command_add(c, text, strlen(text));
}

void
redis_command_add_number(struct redis_command *c, uint64_t number)
{
	char *to = buffer_reserve(&c->numbers, REDIS_COMMAND_NUMBER_SIZE);
	int len;

	len = snprintf(to, REDIS_COMMAND_NUMBER_SIZE, "%" PRIu64, number);
	buffer_commit(&c->numbers, (size_t)len);
	redis_command_add(c, to, (size_t)len);
}

void
redis_command_add_id(struct redis_command *c, struct id id)
{
	redis_command_add_number(c, id.ms);
	redis_command_add_number(c, id.n);
}

void
redis_command_add_script(struct redis_command *c, enum redis_script_name name,
    bool with_text, size_t keys)
{
	const struct redis_script *script = &redis_scripts[name];

	redis_command_add_text(c, with_text ? "EVAL" : "EVALSHA");
	if (with_text)
		redis_command_add(c, script->text, script->len);
	else
		redis_command_add_text(c, script->sha);
	redis_command_add_number(c, keys);
}
