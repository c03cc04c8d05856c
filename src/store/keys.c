/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include <event2/util.h>

#include "store/keys.h"

struct keys_entry {
	struct table_entry entry;
	TAILQ_ENTRY(keys_entry) link;
	uint64_t added_ms;
	struct keys_hash hash;
	char id[];
};

/* All that is malloc's own is left out. */
static size_t
keys_entry_bytes(const struct keys_entry *e)
{
	return sizeof *e + strlen(e->id) + 1;
}

void
keys_init(struct keys *k, uint64_t max)
{
	k->max = max;
	table_init(&k->table);
	evutil_secure_rng_get_bytes(k->secret, sizeof k->secret);
	TAILQ_INIT(&k->oldest_first);
	k->bytes = 0;
}

static void
keys_drop(struct keys *k, struct keys_entry *e)
{
	table_remove(&k->table, &e->entry);
	TAILQ_REMOVE(&k->oldest_first, e, link);
	k->bytes -= keys_entry_bytes(e);
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
	while (k->table.count > max)
		keys_drop(k, TAILQ_FIRST(&k->oldest_first));
}

struct keys_hash
keys_hash(const struct keys *k, const char *key, size_t len)
{
	struct keys_hash hash = { .bytes = { 0 } };

	siphash_128(k->secret, key, len, hash.bytes);
	/* cppcheck-suppress uninitvar; all of its bytes are set */
	return hash;
}

const char *
keys_find(const struct keys *k, struct keys_hash hash)
{
	struct table_entry *e =
	    table_find(&k->table, (const char *)hash.bytes, sizeof hash.bytes);

	return e == NULL ? NULL : ((struct keys_entry *)(void *)e)->id;
}

int
keys_add(struct keys *k, struct keys_hash hash, struct text_span id,
    uint64_t now_ms)
{
	struct keys_entry *e = malloc(sizeof *e + id.len + 1);

	if (e == NULL)
		return -1;
	memcpy(e->id, id.text, id.len);
	e->id[id.len] = '\0';
	e->hash = hash;
	e->added_ms = now_ms;
	e->entry.name = (const char *)e->hash.bytes;
	e->entry.name_len = sizeof e->hash.bytes;
	if (table_insert(&k->table, &e->entry) == -1) {
		free(e);
		return -1;
	}
	TAILQ_INSERT_TAIL(&k->oldest_first, e, link);
	k->bytes += keys_entry_bytes(e);
	keys_set_max(k, k->max);
	return 0;
}

void
keys_remove(struct keys *k, struct keys_hash hash)
{
	struct table_entry *e =
	    table_find(&k->table, (const char *)hash.bytes, sizeof hash.bytes);

	if (e != NULL)
		keys_drop(k, (struct keys_entry *)(void *)e);
}

size_t
keys_memory(const struct keys *k)
{
	/* Pointers, and bytes. NOLINTNEXTLINE(bugprone-sizeof-*) */
	size_t slot = sizeof *k->table.slots + sizeof *k->table.tags;

	return k->bytes + k->table.slot_count * slot;
}

void
keys_expire(struct keys *k, uint64_t before_ms)
{
	struct keys_entry *e;

	while ((e = TAILQ_FIRST(&k->oldest_first)) != NULL &&
	    e->added_ms < before_ms)
		keys_drop(k, e);
}
