/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include <event2/util.h>

#include "base/table.h"

enum {
	TABLE_MIN_SLOTS = 16
};

static uint64_t
table_rotate(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static void
table_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = table_rotate(v[1], 13) ^ v[0];
	v[3] = table_rotate(v[3], 16) ^ v[2];
	v[0] = table_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = table_rotate(v[1], 17) ^ v[2];
	v[3] = table_rotate(v[3], 21) ^ v[0];
	v[2] = table_rotate(v[2], 32);
}

uint64_t
table_hash(const uint64_t key[2], const char *data, size_t len)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575U,
		key[1] ^ 0x646f72616e646f6dU, key[0] ^ 0x6c7967656e657261U,
		key[1] ^ 0x7465646279746573U };
	unsigned char last[8] = { 0 };
	uint64_t word;
	size_t left = len;

	for (; left >= 8; left -= 8, data += 8) {
		memcpy(&word, data, sizeof word);
		v[3] ^= word;
		table_sip_round(v);
		v[0] ^= word;
	}
	memcpy(last, data, left);
	last[7] = (unsigned char)len;
	memcpy(&word, last, sizeof word);
	v[3] ^= word;
	table_sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	table_sip_round(v);
	table_sip_round(v);
	table_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

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
	t->slot_count = t->count = 0;
}

struct table_entry *
table_find(const struct table *t, const char *name, size_t len)
{
	struct table_entry *e;
	uint64_t hash;

	if (t->count == 0)
		return NULL;
	hash = table_hash(t->key, name, len);
	for (e = t->slots[hash & (t->slot_count - 1)]; e != NULL; e = e->next)
		if (e->hash == hash && e->name_len == len &&
		    memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

/* Changes the number of slots; -1 (memory) leaves the table as it was. */
static int
table_resize(struct table *t, size_t slot_count)
{
	struct table_entry **slots, *e, *next, **to;
	size_t i;

	if ((slots = calloc(slot_count, sizeof(struct table_entry *))) == NULL)
		return -1;
	for (i = 0; i < t->slot_count; i++) {
		for (e = t->slots[i]; e != NULL; e = next) {
			next = e->next;
			to = &slots[e->hash & (slot_count - 1)];
			e->next = *to;
			*to = e;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = slot_count;
	return 0;
}

int
table_insert(struct table *t, struct table_entry *e)
{
	struct table_entry **to;

	/* A table that cannot grow is slower, not wrong. */
	if (t->slot_count == 0) {
		if (table_resize(t, TABLE_MIN_SLOTS) == -1)
			return -1;
	} else if (t->count >= t->slot_count) {
		table_resize(t, t->slot_count * 2);
	}
	e->hash = table_hash(t->key, e->name, e->name_len);
	to = &t->slots[e->hash & (t->slot_count - 1)];
	e->next = *to;
	*to = e;
	t->count++;
	return 0;
}

void
table_remove(struct table *t, struct table_entry *e)
{
	struct table_entry **p = &t->slots[e->hash & (t->slot_count - 1)];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	t->count--;
	if (t->slot_count > TABLE_MIN_SLOTS && t->count < t->slot_count / 8)
		table_resize(t, t->slot_count / 2);
}
