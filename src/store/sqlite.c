/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The durable store as the hub sees it, on the loop's thread.
 *
 * Three threads meet here and never wait for the disk together.  The loop gives
 * batches and reads, and goes on.  The writer (sqlite_write_thread.c) takes all
 * batches that wait, makes one transaction of them, and does retention in its
 * idle moments.  The reader (sqlite_read_thread.c) answers those who resume,
 * one read after the other.  Writer and reader have a connection each, and in
 * WAL mode neither waits for the other.  What is done comes back through a
 * pipe, batches in the order in which they were given.
 *
 * handover.c passes batches and reads back and forth.  Beyond them the threads
 * share little, all of it under `lock`: settings, figures, and the number of
 * the file.  A reader that finds damage nudges the writer.  The writer alone
 * sets a file aside, and counts the files (`generation`), so that the reader
 * notices when its connection is to one that was set aside.  `replacing` keeps
 * the reader from opening the path while no file, or half of one, is there.
 *
 * The rest: sqlite_file.c is a connection, the schema and the statements;
 * sqlite_writer.c a transaction; sqlite_retention.c what goes; sqlite_read.c
 * the answer to a read; sqlite_run.c the bytes of a row;
 * sqlite_space.c the disk that is taken; sqlite_steps.c ages when the wall
 * clock is set.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "store/sqlite.h"
#include "store/sqlite_note.h"

static void
store_sqlite_commit(struct store *store, struct batch *b)
{
	batch_give_ids(b, &store->last);
	handover_give_batch(&((struct store_sqlite *)store)->handover, b);
}

static void
store_sqlite_read(struct store *store, struct store_read *r)
{
	handover_give_read(&((struct store_sqlite *)store)->handover, r);
}

static bool
store_sqlite_cancel(struct store *store, struct store_read *r)
{
	return handover_cancel_read(&((struct store_sqlite *)store)->handover,
	    r);
}

static uint64_t
store_sqlite_file_bytes(const struct store_sqlite *q, const char *part)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof path, "%s%s", q->path, part);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void
store_sqlite_status(struct store *store, struct json_object *status)
{
	struct store_sqlite *q = (struct store_sqlite *)store;
	struct json_object *o = figures_group(status, "store");
	struct store_figures figures;

	json_add_string(o, "kind", "sqlite");
	json_add_string(o, "durability", store_durability_name[q->durability]);
	pthread_mutex_lock(&q->lock);
	figures = q->figures;
	figures.up = 1; /* a file is never away, only degraded */
	/* These are of a store that nodes share. */
	figures.down_ms = figures.connects = figures.doubts = figures.nodes =
	    figures.cuts = figures.evicted_keys = figures.questions =
		figures.questions_open = figures.answers = figures.sentinels =
		    figures.answers_missing = FIGURE_NONE;
	figures.log_bytes = store_sqlite_file_bytes(q, "-wal");
	figures.file_bytes = store_sqlite_file_bytes(q, "") + figures.log_bytes;
	figures_add(status, FIGURES_STORE, &figures);
	json_add_string(o, "last_error", q->last_error);
	pthread_mutex_unlock(&q->lock);
}

static void
store_sqlite_notes(struct store *store,
    void (*take)(void *arg, const char *name, const char *text, struct id),
    void *arg)
{
	sqlite_note_read(((struct store_sqlite *)store)->path, take, arg);
}

static void
store_sqlite_configure(struct store *store, const struct store_bounds *bounds)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	pthread_mutex_lock(&q->lock);
	q->bounds = *bounds;
	pthread_mutex_unlock(&q->lock);
}

static void
store_sqlite_free(struct store_sqlite *q)
{
	handover_clear(&q->handover);
	if (q->writer.file.db != NULL)
		sqlite_file_close(&q->writer.file);
	sqlite_writer_clear(&q->writer);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->replacing);
	free(q->path);
	free(q);
}

/* Writes every batch that was given, and gives every batch and read back. */
static void
store_sqlite_close(struct store *store)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	handover_close(&q->handover);
	pthread_join(q->write_thread, NULL);
	pthread_join(q->read_thread, NULL);
	handover_finish(&q->handover);
	store_sqlite_free(q);
}

static const struct store_ops store_sqlite_ops = {
	.commit = store_sqlite_commit,
	.read = store_sqlite_read,
	.cancel = store_sqlite_cancel,
	.notes = store_sqlite_notes,
	.status = store_sqlite_status,
	.configure = store_sqlite_configure,
	.close = store_sqlite_close,
};

/* Signals are for the loop's thread. */
static int
store_sqlite_start(struct store_sqlite *q)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&q->write_thread, NULL, write_thread_run, q);
	if (rc == 0) {
		rc = pthread_create(&q->read_thread, NULL, read_thread_run, q);
		if (rc != 0) {
			handover_close(&q->handover);
			pthread_join(q->write_thread, NULL);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : -1;
}

static struct store_sqlite *
store_sqlite_new(const struct store_options *options,
    const struct store_url *url)
{
	struct store_sqlite *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->store.ops = &store_sqlite_ops;
	q->store.is_durable = true;
	q->path = strdup(url->address);
	q->durability = options->durability;
	q->keep_in_memory = options->keep_in_memory;
	q->bounds = options->bounds;
	pthread_mutex_init(&q->lock, NULL);
	pthread_mutex_init(&q->replacing, NULL);
	sqlite_writer_init(&q->writer, options->bounds.keys);
	if (handover_init(&q->handover, options->base) == 0 && q->path != NULL)
		return q;
	store_sqlite_free(q);
	return NULL;
}

struct store *
store_sqlite_open(const struct store_options *options,
    const struct store_url *url, char **cause)
{
	struct store_sqlite *q = store_sqlite_new(options, url);

	*cause = NULL;
	if (q == NULL)
		return NULL;
	if (write_thread_begin(q, cause) == 0 && store_sqlite_start(q) == 0)
		return &q->store;
	store_sqlite_free(q);
	return NULL;
}
