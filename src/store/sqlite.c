/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "store/sqlite.h"

/* The store as the hub sees it, on the loop's thread. */

void
store_sqlite_wake(struct store_sqlite *q)
{
	ssize_t n = write(q->done_pipe[1], "", 1);

	(void)n; /* a full pipe wakes the loop as well */
}

static void
store_sqlite_done_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store_sqlite *q = arg;
	struct batch_list batches = STAILQ_HEAD_INITIALIZER(batches);
	struct store_read *reads, *r;
	struct batch *b;
	char drain[256];

	(void)what;
	while (read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
		;
	pthread_mutex_lock(&q->lock);
	STAILQ_CONCAT(&batches, &q->done_batches);
	reads = q->done_reads;
	q->done_reads = NULL;
	q->done_reads_end = &q->done_reads;
	pthread_mutex_unlock(&q->lock);
	while ((b = STAILQ_FIRST(&batches)) != NULL) {
		STAILQ_REMOVE_HEAD(&batches, link);
		b->done(b);
	}
	while ((r = reads) != NULL) {
		reads = r->next;
		r->done(r);
	}
}

static void
store_sqlite_commit(struct store *store, struct batch *b)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	pthread_mutex_lock(&q->lock);
	STAILQ_INSERT_TAIL(&q->batches, b, link);
	pthread_cond_signal(&q->to_write);
	pthread_mutex_unlock(&q->lock);
}

static void
store_sqlite_read(struct store *store, struct store_read *r)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	r->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->reads_end = r;
	q->reads_end = &r->next;
	pthread_cond_signal(&q->to_read);
	pthread_mutex_unlock(&q->lock);
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

	store_figures_init(&figures);
	figures.file_bytes =
	    store_sqlite_file_bytes(q, "") + store_sqlite_file_bytes(q, "-wal");
	json_add_string(o, "kind", "sqlite");
	json_add_string(o, "durability", store_durability_name[q->durability]);
	pthread_mutex_lock(&q->lock);
	figures.degraded = q->is_degraded;
	figures.events = q->events;
	figures.bytes = q->bytes;
	figures.channels = q->channels;
	figures.oldest_ms = q->oldest_ms;
	figures.commits = q->commits;
	figures.reads = q->read_count;
	figures.errors = q->errors;
	figures_add(status, FIGURES_STORE, &figures);
	json_add_string(o, "last_error", q->last_error);
	pthread_mutex_unlock(&q->lock);
}

static void
store_sqlite_configure(struct store *store, uint64_t key_ms)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	pthread_mutex_lock(&q->lock);
	q->key_ms = key_ms;
	pthread_mutex_unlock(&q->lock);
}

static void
store_sqlite_free(struct store_sqlite *q)
{
	if (q->done_event != NULL)
		event_free(q->done_event);
	if (q->done_pipe[0] != -1) {
		close(q->done_pipe[0]);
		close(q->done_pipe[1]);
	}
	if (q->writer.file.db != NULL)
		sqlite_file_close(&q->writer.file);
	sqlite_writer_clear(&q->writer);
	pthread_cond_destroy(&q->to_write);
	pthread_cond_destroy(&q->to_read);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->replacing);
	free(q->path);
	free(q);
}

/* Every batch that was given is written, and every batch and read comes back.
 */
static void
store_sqlite_close(struct store *store)
{
	struct store_sqlite *q = (struct store_sqlite *)store;

	pthread_mutex_lock(&q->lock);
	q->is_closing = true;
	pthread_cond_signal(&q->to_write);
	pthread_cond_signal(&q->to_read);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->write_thread, NULL);
	pthread_join(q->read_thread, NULL);
	store_sqlite_done_cb(q->done_pipe[0], 0, q);
	store_sqlite_free(q);
}

static const struct store_ops store_sqlite_ops = {
	.commit = store_sqlite_commit,
	.read = store_sqlite_read,
	.status = store_sqlite_status,
	.configure = store_sqlite_configure,
	.close = store_sqlite_close,
};

/* Signals are the loop's. */
static int
store_sqlite_start(struct store_sqlite *q)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&q->write_thread, NULL, store_sqlite_write_thread,
	    q);
	if (rc == 0) {
		rc = pthread_create(&q->read_thread, NULL,
		    store_sqlite_read_thread, q);
		if (rc != 0) {
			pthread_mutex_lock(&q->lock);
			q->is_closing = true;
			pthread_cond_signal(&q->to_write);
			pthread_mutex_unlock(&q->lock);
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
	pthread_condattr_t attr;

	if (q == NULL)
		return NULL;
	q->store.ops = &store_sqlite_ops;
	q->store.is_durable = true;
	q->path = strdup(url->address);
	q->durability = options->durability;
	q->keep_in_memory = options->keep_in_memory;
	q->key_ms = options->key_ms;
	STAILQ_INIT(&q->batches);
	STAILQ_INIT(&q->done_batches);
	q->reads_end = &q->reads;
	q->done_reads_end = &q->done_reads;
	q->done_pipe[0] = q->done_pipe[1] = -1;
	pthread_mutex_init(&q->lock, NULL);
	pthread_mutex_init(&q->replacing, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->to_write, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&q->to_read, NULL);
	sqlite_writer_init(&q->writer);
	if (q->path != NULL &&
	    pipe2(q->done_pipe, O_NONBLOCK | O_CLOEXEC) == 0) {
		q->done_event = event_new(options->base, q->done_pipe[0],
		    EV_READ | EV_PERSIST, store_sqlite_done_cb, q);
		if (q->done_event != NULL &&
		    event_add(q->done_event, NULL) == 0)
			return q;
	}
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
	if (store_sqlite_open_file(q, cause) == 0 && store_sqlite_start(q) == 0)
		return &q->store;
	store_sqlite_free(q);
	return NULL;
}
