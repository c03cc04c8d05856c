/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/cause.h"
#include "store/store.h"

/* NULL: this crierd has none. */
static struct store
    *(*const store_makers[STORE_KINDS])(const struct store_options *,
	const struct store_url *, char **) = {
	    [STORE_KIND_MEMORY] = store_memory_open,
	    [STORE_KIND_SQLITE] = store_sqlite_open,
#ifdef HAVE_HIREDIS
	    [STORE_KIND_REDIS] = store_redis_open,
#endif
    };

struct store *
store_open(const struct store_options *options, char **cause)
{
	struct store_url url;

	if (!store_url_read(options->url, &url))
		cause_set(cause, "store: %s is none that this crierd knows",
		    options->url);
	else if (store_makers[url.kind] == NULL)
		cause_set(cause, "store: this crierd has none for %s",
		    url.scheme);
	else
		return store_makers[url.kind](options, &url, cause);
	return NULL;
}

void
store_claim(struct store *store, struct text_span name,
    void (*claimed)(void *arg, enum store_claimed, const char *node), void *arg)
{
	if (store->is_shared)
		store->ops->claim(store, name, claimed, arg);
	else
		claimed(arg, STORE_CLAIMED, NULL);
}

void
store_release(struct store *store, struct text_span name)
{
	if (store->is_shared)
		store->ops->release(store, name);
}

void
store_close(struct store *store)
{
	if (store != NULL)
		store->ops->close(store);
}
