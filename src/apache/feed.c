/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include <apr_allocator.h>
#include <apr_buckets.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_protocol.h>

#include "apache/answer.h"
#include "apache/feed.h"

enum {
	/* Blocks that a handshake and a request have used, and some more. */
	FEED_FREE_BLOCKS = 6,
	FEED_BLOCK_BYTES = 4096,
	/* One block, for each event takes one and gives it back. */
	FEED_KEPT_BYTES = 8192
};

static void
feed_mark_destroy(void *data)
{
	(void)data;
}

static apr_status_t
feed_mark_read(apr_bucket *b, const char **data, apr_size_t *len,
    apr_read_type_e block)
{
	(void)b;
	(void)block;
	*data = NULL;
	*len = 0;
	return APR_SUCCESS;
}

/* The bucket that means nothing. */
static const apr_bucket_type_t feed_mark_type = { "CRIER", 5,
	APR_BUCKET_METADATA, feed_mark_destroy, feed_mark_read,
	apr_bucket_setaside_noop, apr_bucket_split_notimpl,
	apr_bucket_simple_copy };

static apr_bucket *
feed_mark_create(apr_bucket_alloc_t *list)
{
	apr_bucket *b = apr_bucket_alloc(sizeof(*b), list);

	APR_BUCKET_INIT(b);
	b->free = apr_bucket_free;
	b->list = list;
	b->type = &feed_mark_type;
	b->length = 0;
	b->start = 0;
	b->data = NULL;
	return b;
}

void
feed_init(struct feed *f, request_rec *r)
{
	conn_rec *c = r->connection;

	memset(f, 0, sizeof(*f));
	f->r = r;
	f->flushes = c->master != NULL;
	f->bb = apr_brigade_create(r->pool, c->bucket_alloc);
	for (f->last = c->output_filters; f->last->next != NULL;)
		f->last = f->last->next;
}

/*
 * An event ends with an empty line; a heartbeat behind it, a comment of one
 * line, begins none.
 */
static void
feed_note(struct feed *f, const char *data, size_t len)
{
	char before = f->last_byte;
	int comment;

	if (len > 1)
		before = data[len - 2];
	comment = data[0] == ':' && memchr(data, '\n', len) == data + len - 1;
	f->last_byte = data[len - 1];
	f->between_events = f->last_byte == '\n' &&
	    (before == '\n' || (comment && f->between_events));
}

int
feed_push(struct feed *f)
{
	conn_rec *c = f->r->connection;
	apr_status_t status = APR_SUCCESS;

	if (!f->flushes) {
#if AP_MODULE_MAGIC_AT_LEAST(20160608, 4)
		ap_filter_output_pending(c);
#else
		status = f->last->frec->filter_func.out_func(f->last, NULL);
#endif
	}
	return status != APR_SUCCESS || c->aborted ? -1 : 0;
}

int
feed_put(struct feed *f, const char *data, size_t len)
{
	conn_rec *c = f->r->connection;
	apr_bucket_alloc_t *list = c->bucket_alloc;
	apr_status_t status;

	if (len > 0) {
		feed_note(f, data, len);
		APR_BRIGADE_INSERT_TAIL(f->bb,
		    apr_bucket_transient_create(data, len, list));
	}
	APR_BRIGADE_INSERT_TAIL(f->bb,
	    f->flushes ? apr_bucket_flush_create(list)
		       : feed_mark_create(list));
	status = ap_pass_brigade(f->r->output_filters, f->bb);
	apr_brigade_cleanup(f->bb);
	if (status != APR_SUCCESS || c->aborted)
		return -1;
	return feed_push(f);
}

int
feed_is_blocked(const struct feed *f)
{
	if (f->flushes)
		return 0;
#if AP_MODULE_MAGIC_AT_LEAST(20160608, 4)
	return ap_filter_should_yield(f->r->output_filters);
#else
	return f->r->connection->data_in_output_filters != 0;
#endif
}

void
feed_put_retry(struct feed *f)
{
	char text[32];

	if (!f->between_events || feed_is_blocked(f))
		return;
	apr_snprintf(text, sizeof(text), "retry: %u\n\n", answer_retry_ms());
	feed_put(f, text, strlen(text));
}

/*
 * An allocator that may keep nothing frees what is given to it, so all that it
 * has free is taken and given.  If it had less, the rest is nothing but address
 * space for a moment.
 */
void
feed_give_back(const struct feed *f)
{
	apr_pool_t *pool = f->r->connection->pool;
	apr_allocator_t *allocator = apr_pool_allocator_get(pool);
	apr_memnode_t *node, *taken = NULL;
	int i;

	/* One that others use, too, is none of ours. */
	if (allocator == NULL || apr_allocator_owner_get(allocator) != pool)
		return;
	apr_allocator_max_free_set(allocator, 1);
	for (i = 0; i < FEED_FREE_BLOCKS; i++) {
		node = apr_allocator_alloc(allocator, FEED_BLOCK_BYTES);
		if (node == NULL)
			break;
		node->next = taken;
		taken = node;
	}
	if (taken != NULL)
		apr_allocator_free(allocator, taken);
	apr_allocator_max_free_set(allocator, FEED_KEPT_BYTES);
}
