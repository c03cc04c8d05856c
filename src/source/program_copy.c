/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "source/program_copy.h"

/* The options, and the memory that they point to. */
struct program_copy {
	struct program_options options; /* first: one is the other */
	char *name, *directory, *body;
	char **argv, **envp;
};

static void
program_copy_free_list(char **list)
{
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static char **
program_copy_list(char *const *list)
{
	size_t count = 0, i;
	char **copy;

	while (list[count] != NULL)
		count++;
	if ((copy = calloc(count + 1, sizeof *copy)) == NULL)
		return NULL;
	for (i = 0; i < count; i++)
		if ((copy[i] = strdup(list[i])) == NULL) {
			program_copy_free_list(copy);
			return NULL;
		}
	return copy;
}

struct program_options *
program_copy(const struct program_options *o)
{
	struct program_copy *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->options = *o;
	c->name = strdup(o->name);
	c->argv = program_copy_list(o->argv);
	c->envp = program_copy_list(o->envp);
	c->body = malloc(o->body.len + 1);
	if (o->directory != NULL)
		c->directory = strdup(o->directory);
	if (c->name == NULL || c->argv == NULL || c->envp == NULL ||
	    c->body == NULL || (o->directory != NULL && c->directory == NULL)) {
		program_copy_free(&c->options);
		return NULL;
	}
	if (o->body.len > 0)
		memcpy(c->body, o->body.text, o->body.len);
	c->options.name = c->name;
	c->options.argv = c->argv;
	c->options.envp = c->envp;
	c->options.directory = c->directory;
	c->options.body.text = c->body;
	return &c->options;
}

void
program_copy_free(struct program_options *o)
{
	struct program_copy *c = (struct program_copy *)(void *)o;

	if (c == NULL)
		return;
	free(c->name);
	free(c->directory);
	free(c->body);
	program_copy_free_list(c->argv);
	program_copy_free_list(c->envp);
	free(c);
}
