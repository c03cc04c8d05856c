/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_KEYS_H
#define CRIER_STORE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"

/*
 * The keys that publishers gave their events, in memory, for as long as an
 * event may be sent again: a key that is known leads to the id of the event
 * that came with it first.  Bounded by age, number and bytes: the
 * oldest go first.
 */
enum {
	/* A key has its channels, so its length is its publisher's to say. */
	KEYS_BYTES_MAX = 268435456
};

struct keys_entry;
TAILQ_HEAD(keys_list, keys_entry);

struct keys {
	struct table table;
	struct keys_list oldest_first;
	uint64_t max; /* so many are remembered, the newest */
	size_t bytes; /* of memory */
};

void keys_init(struct keys *, uint64_t max);
void keys_clear(struct keys *);

/* The id that came with this key, or NULL. */
const char *keys_find(const struct keys *, const char *key, size_t len);

/* Remembers a key that is not known; 0, or -1 (memory). */
int keys_add(struct keys *, const char *key, size_t len, const char *id,
    size_t id_len, uint64_t now_ms);

/* Forgets the oldest keys, if there are more, or too many bytes. */
void keys_set_max(struct keys *, uint64_t max);

/* Forgets the keys that were added before. */
void keys_expire(struct keys *, uint64_t before_ms);

#endif
