/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_KEYS_H
#define CRIER_STORE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/siphash.h"
#include "base/table.h"
#include "base/text.h"

/*
 * The keys that publishers gave their events, in memory, for as long as an
 * event may be sent again: a key that is known leads to the id of the event
 * that came with it first.  Bounded by age and number: the oldest go first.
 *
 * A key has whose it is and its channels, so it may be long: what is remembered
 * is a hash of it, under a secret.  Were two of 2^128 the same, an event would
 * be taken for another one; of a million keys the odds are 1 to 10^26.
 */
struct keys_entry;
TAILQ_HEAD(keys_list, keys_entry);

struct keys {
	struct table table;
	struct keys_list oldest_first;
	uint64_t secret[2];
	uint64_t max; /* so many are remembered, the newest */
	size_t bytes; /* of memory, but for the table */
};

/* A key, as it is looked for. */
struct keys_hash {
	unsigned char bytes[SIPHASH_BYTES];
};

void keys_init(struct keys *, uint64_t max);
void keys_clear(struct keys *);

struct keys_hash keys_hash(const struct keys *, const char *key, size_t len);

/* The id that came with this key, or NULL. */
const char *keys_find(const struct keys *, struct keys_hash);

/* Remembers a key that is not known; 0, or -1 (memory). */
int
keys_add(struct keys *, struct keys_hash, struct text_span id, uint64_t now_ms);

/* Forgets a key, if it is known. */
void keys_remove(struct keys *, struct keys_hash);

/* The bytes of memory that they take. */
size_t keys_memory(const struct keys *);

/* Forgets the oldest keys, if there are more. */
void keys_set_max(struct keys *, uint64_t max);

/* Forgets the keys that were added before. */
void keys_expire(struct keys *, uint64_t before_ms);

#endif
