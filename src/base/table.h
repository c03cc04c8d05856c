/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_TABLE_H
#define CRIER_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A hash table from names to the structures that embed a table_entry.  Visitors
 * choose the names, so the hash is keyed with a secret (siphash_64), and
 * removal leaves no trace that a later look-up would have to step over;
 * json-c's linkhash does neither.
 */
struct table_entry {
	uint64_t hash;
	const char *name; /* the owner's, unchanged while in the table */
	size_t name_len;
};

/*
 * Open addressing: an entry is in the first slot that was free, from the one on
 * that its hash says.  A byte of each entry's hash stands in an array of its
 * own, so a look-up fetches only entries whose byte fits from memory.
 */
struct table {
	struct table_entry **slots;
	unsigned char *tags; /* of the slots, behind them; 0: free */
	size_t slot_count;   /* a power of two, or 0 */
	size_t count;
	uint64_t key[2];
};

/* An empty table with a random key. */
void table_init(struct table *);

/* Frees the table, not the entries. */
void table_clear(struct table *);

struct table_entry *
table_find(const struct table *, const char *name, size_t len);

/* Adds an entry whose name is set and not in the table; 0, or -1 (memory). */
int table_insert(struct table *, struct table_entry *);

void table_remove(struct table *, struct table_entry *);

#endif
