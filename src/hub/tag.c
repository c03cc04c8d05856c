/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "hub/channel.h"
#include "hub/tag.h"

struct block *
tag_new(const struct channel *c)
{
	static const char front[] = ": channel ";
	size_t front_len = sizeof front - 1, len = strlen(c->name);
	struct block *b = block_new(front_len + len + 1);

	if (b == NULL)
		return NULL;
	memcpy(b->data, front, front_len);
	memcpy(b->data + front_len, c->name, len);
	b->data[front_len + len] = '\n';
	b->used = b->size;
	return b;
}
