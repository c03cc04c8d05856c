/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/keys.h"
#include "store/store.h"

/*
 * The store that does not survive a restart.  The hub's own histories are all
 * the history there is, so this store remembers nothing but the publishers'
 * keys.
 */

struct store_memory {
	struct store store; /* first: one is the other */
	struct keys keys;
	uint64_t key_ms;
	uint64_t commits;
};

static struct keys_hash
store_memory_hash(const struct store_memory *m, const struct batch *b,
    const struct batch_event *e)
{
	return keys_hash(&m->keys, b->bytes.data + e->key_off, e->key_len);
}

static void
store_memory_take_key(struct store_memory *m, struct batch *b,
    struct batch_event *e)
{
	struct keys_hash key = store_memory_hash(m, b, e);
	const char *known = keys_find(&m->keys, key);

	if (known != NULL) {
		e->outcome = BATCH_DUPLICATE;
		e->first_id = strdup(known);
	} else if (keys_add(&m->keys, key, batch_event_id(b, e), e->added_ms) ==
	    -1) {
		e->outcome = BATCH_REFUSED;
		snprintf(b->error, sizeof b->error, "out of memory");
	}
}

static void
store_memory_commit(struct store *store, struct batch *b)
{
	struct store_memory *m = (struct store_memory *)store;
	size_t i;

	m->commits++;
	batch_give_ids(b, &store->last);
	for (i = 0; i < b->event_count; i++) {
		if (b->events[i].key_len == 0)
			continue;
		if (b->events[i].added_ms > m->key_ms)
			keys_expire(&m->keys,
			    b->events[i].added_ms - m->key_ms);
		store_memory_take_key(m, b, &b->events[i]);
	}
	b->done(b);
}

static void
store_memory_refused(struct store *store, const struct batch *b,
    const struct batch_event *e)
{
	struct store_memory *m = (struct store_memory *)store;

	if (e->key_len > 0)
		keys_remove(&m->keys, store_memory_hash(m, b, e));
}

static void
store_memory_status(struct store *store, struct json_object *status)
{
	struct store_memory *m = (struct store_memory *)store;
	struct store_figures figures;

	figures_init_store(&figures);
	figures.commits = m->commits;
	figures.keys = m->keys.table.count;
	figures.key_bytes = keys_memory(&m->keys);
	json_add_string(figures_group(status, "store"), "kind", "memory");
	figures_add(status, FIGURES_STORE, &figures);
}

static void
store_memory_configure(struct store *store, const struct store_bounds *bounds)
{
	struct store_memory *m = (struct store_memory *)store;

	m->key_ms = bounds->key_ms;
	keys_set_max(&m->keys, bounds->keys);
}

static void
store_memory_close(struct store *store)
{
	struct store_memory *m = (struct store_memory *)store;

	keys_clear(&m->keys);
	free(m);
}

static const struct store_ops store_memory_ops = {
	.commit = store_memory_commit,
	.refused = store_memory_refused,
	.status = store_memory_status,
	.configure = store_memory_configure,
	.close = store_memory_close,
};

struct store *
store_memory_open(const struct store_options *options,
    const struct store_url *url, char **cause)
{
	struct store_memory *m = calloc(1, sizeof *m);

	(void)url;
	*cause = NULL;
	if (m == NULL)
		return NULL;
	m->store.ops = &store_memory_ops;
	m->key_ms = options->bounds.key_ms;
	keys_init(&m->keys, options->bounds.keys);
	return &m->store;
}
