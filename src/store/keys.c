/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include "store/keys.h"

struct keys_entry {
	struct table_entry entry;
	TAILQ_ENTRY(keys_entry) link;
	uint64_t added_ms;
	size_t bytes;
	char text[]; /* the key, a NUL, the id, a NUL */
};

void
keys_init(struct keys *k, uint64_t max)
{
	k->max = max;
	table_init(&k->table);
	TAILQ_INIT(&k->oldest_first);
	k->bytes = 0;
}

static void
keys_drop(struct keys *k, struct keys_entry *e)
{
	table_remove(&k->table, &e->entry);
	TAILQ_REMOVE(&k->oldest_first, e, link);
	k->bytes -= e->bytes;
	free(e);
}

void
keys_clear(struct keys *k)
{
	struct keys_entry *e;

	while ((e = TAILQ_FIRST(&k->oldest_first)) != NULL)
		keys_drop(k, e);
	table_clear(&k->table);
}

void
keys_set_max(struct keys *k, uint64_t max)
{
	k->max = max;
	while (k->table.count > max || k->bytes > KEYS_BYTES_MAX)
		keys_drop(k, TAILQ_FIRST(&k->oldest_first));
}

const char *
keys_find(const struct keys *k, const char *key, size_t len)
{
	struct table_entry *e = table_find(&k->table, key, len);

	return e == NULL ? NULL : e->name + e->name_len + 1;
}

int
keys_add(struct keys *k, const char *key, size_t len, const char *id,
    size_t id_len, uint64_t now_ms)
{
	size_t bytes = sizeof(struct keys_entry) + len + id_len + 2;
	struct keys_entry *e = malloc(bytes);

	if (e == NULL)
		return -1;
	memcpy(e->text, key, len);
	e->text[len] = '\0';
	memcpy(e->text + len + 1, id, id_len);
	e->text[len + 1 + id_len] = '\0';
	e->added_ms = now_ms;
	e->bytes = bytes;
	e->entry.name = e->text;
	e->entry.name_len = len;
	if (table_insert(&k->table, &e->entry) == -1) {
		free(e);
		return -1;
	}
	TAILQ_INSERT_TAIL(&k->oldest_first, e, link);
	k->bytes += bytes;
	keys_set_max(k, k->max);
	return 0;
}

void
keys_expire(struct keys *k, uint64_t before_ms)
{
	struct keys_entry *e;

	while ((e = TAILQ_FIRST(&k->oldest_first)) != NULL &&
	    e->added_ms < before_ms)
		keys_drop(k, e);
}
