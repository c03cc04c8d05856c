/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include <event2/util.h>

#include "base/siphash.h"
#include "base/table.h"

enum {
	TABLE_MIN_SLOTS = 16,
	TABLE_TAG_SHIFT = 57,
	TABLE_TAG_USED = 0x80
};

void
table_init(struct table *t)
{
	memset(t, 0, sizeof *t);
	evutil_secure_rng_get_bytes(t->key, sizeof t->key);
}

void
table_clear(struct table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->tags = NULL;
	t->slot_count = t->count = 0;
}

/* From the top bits of the hash; the slot uses the low ones. */
static unsigned char
table_tag(uint64_t hash)
{
	return (unsigned char)(TABLE_TAG_USED | hash >> TABLE_TAG_SHIFT);
}

static size_t
table_slot(const struct table *t, uint64_t hash)
{
	return (size_t)hash & (t->slot_count - 1);
}

static size_t
table_next(const struct table *t, size_t at)
{
	return (at + 1) & (t->slot_count - 1);
}

struct table_entry *
table_find(const struct table *t, const char *name, size_t len)
{
	struct table_entry *e;
	unsigned char tag;
	uint64_t hash;
	size_t at;

	if (t->count == 0)
		return NULL;
	hash = siphash_64(t->key, name, len);
	tag = table_tag(hash);
	at = table_slot(t, hash);
	__builtin_prefetch(&t->slots[at]);
	for (; t->tags[at] != 0; at = table_next(t, at)) {
		if (t->tags[at] != tag)
			continue;
		e = t->slots[at];
		if (e->hash == hash && e->name_len == len &&
		    memcmp(e->name, name, len) == 0)
			return e;
	}
	return NULL;
}

static void
table_put(struct table *t, size_t at, struct table_entry *e)
{
	t->slots[at] = e;
	t->tags[at] = table_tag(e->hash);
}

static void
table_add(struct table *t, struct table_entry *e)
{
	size_t at = table_slot(t, e->hash);

	while (t->tags[at] != 0)
		at = table_next(t, at);
	table_put(t, at, e);
}

/* Changes the number of slots; -1 (memory) leaves the table as it was. */
static int
table_resize(struct table *t, size_t slot_count)
{
	struct table_entry **slots = t->slots;
	const unsigned char *tags = t->tags;
	size_t count = t->slot_count, i;

	/* Pointers, then bytes. NOLINTNEXTLINE(bugprone-sizeof-*) */
	t->slots = calloc(slot_count, sizeof *slots + sizeof *tags);
	if (t->slots == NULL) {
		t->slots = slots;
		return -1;
	}
	t->tags = (unsigned char *)(t->slots + slot_count);
	t->slot_count = slot_count;
	for (i = 0; i < count; i++)
		if (tags[i] != 0)
			table_add(t, slots[i]);
	free(slots);
	return 0;
}

int
table_insert(struct table *t, struct table_entry *e)
{
	/* A table that cannot grow is slower, as long as one slot is free. */
	if (t->count >= t->slot_count / 4 * 3 &&
	    table_resize(t,
		t->slot_count == 0 ? TABLE_MIN_SLOTS : t->slot_count * 2) ==
		-1 &&
	    t->count + 1 >= t->slot_count)
		return -1;
	e->hash = siphash_64(t->key, e->name, e->name_len);
	table_add(t, e);
	t->count++;
	return 0;
}

void
table_remove(struct table *t, struct table_entry *e)
{
	size_t free_slot = table_slot(t, e->hash), at, first;

	while (t->slots[free_slot] != e)
		free_slot = table_next(t, free_slot);
	/*
	 * An entry behind the gap moves up into it, unless a look-up of the
	 * entry would begin behind the gap.
	 */
	for (at = table_next(t, free_slot); t->tags[at] != 0;
	     at = table_next(t, at)) {
		first = table_slot(t, t->slots[at]->hash);
		if (((at - first) & (t->slot_count - 1)) <
		    ((at - free_slot) & (t->slot_count - 1)))
			continue;
		table_put(t, free_slot, t->slots[at]);
		free_slot = at;
	}
	t->slots[free_slot] = NULL;
	t->tags[free_slot] = 0;
	t->count--;
	if (t->slot_count > TABLE_MIN_SLOTS && t->count < t->slot_count / 8)
		table_resize(t, t->slot_count / 2);
}
