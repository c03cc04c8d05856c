/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/sqlite_read.h"
#include "store/sqlite_write.h"

/*
 * The durable store.  Two threads, each with a connection of its own: one
 * writes, batch after batch, everything that waits being the next commit's; one
 * reads for those who resume, so that neither waits for the other.  What is
 * done comes back to the loop through a pipe.
 *
 * The writer uses its idle moments for retention.
 */

enum {
	SQLITE_IDLE_MS = 1000,
	SQLITE_WHY_SIZE = 160,
	SQLITE_DEGRADED_MS = 50
};

struct store_sqlite {
	struct store store; /* first: one is the other */
	char *path;
	enum store_durability durability;
	bool keep_in_memory;
	struct event *done_event;
	int done_pipe[2];

	pthread_t write_thread, read_thread;
	pthread_mutex_t replacing; /* the file, or opening it to read */
	pthread_mutex_t lock;      /* over all that follows */
	pthread_cond_t to_write, to_read;
	struct batch_list batches, done_batches;
	struct store_read *reads, **reads_end, *done_reads, **done_reads_end;
	uint64_t key_ms;
	bool is_closing;
	bool is_damaged;     /* as the reader found */
	unsigned generation; /* of the file: grows when it is set aside */
	/* Status. */
	uint64_t events, bytes, channels, oldest_ms;
	uint64_t commits, read_count, errors;
	bool is_degraded;
	char last_error[160];

	/* The writer's alone. */
	struct sqlite_writer writer;
	int code; /* of the last failure */
};

static void
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
store_sqlite_note_error(struct store_sqlite *q, const char *why)
{
	bool is_new;

	pthread_mutex_lock(&q->lock);
	is_new = strcmp(q->last_error, why) != 0 || !q->is_degraded;
	q->errors++;
	q->is_degraded = true;
	snprintf(q->last_error, sizeof q->last_error, "%s", why);
	pthread_mutex_unlock(&q->lock);
	if (is_new)
		log_error("the history cannot be stored: %s%s", why,
		    q->keep_in_memory ? "; events are kept in memory alone"
				      : "; events are refused");
}

static void
store_sqlite_note_good(struct store_sqlite *q)
{
	bool was_degraded;

	pthread_mutex_lock(&q->lock);
	was_degraded = q->is_degraded;
	q->is_degraded = false;
	pthread_mutex_unlock(&q->lock);
	if (was_degraded)
		log_warning("the history can be stored again");
}

static void
store_sqlite_note_totals(struct store_sqlite *q)
{
	struct sqlite_writer *w = &q->writer;
	sqlite3_stmt *s = sqlite_file_use(&w->file, STATEMENT_OLDEST);
	uint64_t oldest_ms = 0;

	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		oldest_ms = (uint64_t)sqlite3_column_int64(s, 0);
	if (s != NULL)
		sqlite3_reset(s);
	pthread_mutex_lock(&q->lock);
	q->events = w->events;
	q->bytes = w->bytes;
	q->channels = w->channel_count;
	q->oldest_ms = oldest_ms;
	pthread_mutex_unlock(&q->lock);
}

/* Opens the file for writing; a damaged one is set aside, once. */
static int
store_sqlite_open_file(struct store_sqlite *q, char **cause)
{
	struct sqlite_options options = { .durability = q->durability };
	struct sqlite_file *f = &q->writer.file;
	enum sqlite_open result;
	sqlite3_stmt *s;
	char *why;

	options.floor = id_next(q->writer.last, loop_wall_ms());
	result = sqlite_file_open(f, q->path, &options, cause);
	if (result == SQLITE_DAMAGED) {
		why = *cause;
		*cause = NULL;
		if (sqlite_file_set_aside(q->path, why == NULL ? "?" : why,
			cause) == 0) {
			result = sqlite_file_open(f, q->path, &options, cause);
		}
		free(why);
	}
	if (result != SQLITE_OPENED)
		return -1;
	s = sqlite_file_use(f, STATEMENT_TOTALS);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
		q->writer.events = (uint64_t)sqlite3_column_int64(s, 0);
		q->writer.bytes = (uint64_t)sqlite3_column_int64(s, 1);
		q->writer.channel_count = (uint64_t)sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
	s = sqlite_file_use(f, STATEMENT_LAST);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		q->writer.last = q->store.last = sqlite_file_id(s, 0);
	sqlite3_reset(s);
	store_sqlite_note_totals(q);
	return 0;
}

/* The writer found damage: the file goes aside, an empty one takes its place.
 */
static void
store_sqlite_replace_file(struct store_sqlite *q, const char *why)
{
	char *cause = NULL;

	pthread_mutex_lock(&q->replacing);
	sqlite_writer_forget(&q->writer);
	sqlite_file_close(&q->writer.file);
	if (sqlite_file_set_aside(q->path, why, &cause) == -1 ||
	    store_sqlite_open_file(q, &cause) == -1)
		store_sqlite_note_error(q,
		    cause == NULL ? "out of memory" : cause);
	free(cause);
	pthread_mutex_lock(&q->lock);
	q->generation++;
	pthread_mutex_unlock(&q->lock);
	pthread_mutex_unlock(&q->replacing);
}

/* One that could not be opened when it was to be replaced is tried again. */
static int
store_sqlite_need_file(struct store_sqlite *q)
{
	char *cause = NULL;

	if (q->writer.file.db != NULL)
		return 0;
	if (store_sqlite_open_file(q, &cause) == 0)
		return 0;
	store_sqlite_note_error(q, cause == NULL ? "out of memory" : cause);
	free(cause);
	return -1;
}

static void
store_sqlite_rollback(struct store_sqlite *q)
{
	if (sqlite3_get_autocommit(q->writer.file.db) == 0)
		sqlite_file_run(&q->writer.file, STATEMENT_ROLLBACK);
	sqlite_writer_forget(&q->writer);
}

/* One step of what can wait; whether there is another. */
static bool
store_sqlite_tidy(struct store_sqlite *q)
{
	uint64_t now = loop_wall_ms(), key_ms;
	char why[SQLITE_WHY_SIZE];
	int more;

	if (q->writer.file.db == NULL)
		return false;
	pthread_mutex_lock(&q->lock);
	key_ms = q->key_ms;
	pthread_mutex_unlock(&q->lock);
	more = sqlite_writer_trim(&q->writer, now,
	    now > key_ms ? now - key_ms : 0);
	if (more == -1) {
		snprintf(why, sizeof why, "%s: %s", q->path,
		    sqlite3_errmsg(q->writer.file.db));
		if (sqlite_file_is_damaged(&q->writer.file))
			store_sqlite_replace_file(q, why);
		else
			store_sqlite_rollback(q);
		return false;
	}
	if (more == 0)
		store_sqlite_note_totals(q);
	return more == 1;
}

/* As if no key had been looked up. */
static void
store_sqlite_reset(struct batch *first, const struct batch *end)
{
	struct batch *b;
	size_t i;

	for (b = first; b != end; b = STAILQ_NEXT(b, link))
		for (i = 0; i < b->event_count; i++)
			b->events[i].outcome = BATCH_ACCEPTED;
}

static int
store_sqlite_try(struct store_sqlite *q, struct batch *first,
    const struct batch *end, char why[SQLITE_WHY_SIZE])
{
	struct sqlite_writer *w = &q->writer;

	snprintf(why, SQLITE_WHY_SIZE, "%s: cannot be opened", q->path);
	if (store_sqlite_need_file(q) == -1)
		return -1;
	/* While it is known to be locked nobody shall wait for it long. */
	sqlite3_busy_timeout(w->file.db,
	    q->is_degraded ? SQLITE_DEGRADED_MS : SQLITE_BUSY_MS);
	if (sqlite_writer_commit(w, first, end) == 0)
		return 0;
	snprintf(why, SQLITE_WHY_SIZE, "%s: %s", q->path,
	    sqlite3_errmsg(w->file.db));
	q->code = sqlite3_errcode(w->file.db) & 0xff;
	if (!sqlite_file_is_damaged(&w->file)) {
		store_sqlite_rollback(q);
		return -1;
	}
	store_sqlite_replace_file(q, why);
	if (w->file.db == NULL)
		return -1;
	store_sqlite_reset(first, end);
	return sqlite_writer_commit(w, first, end);
}

/* What becomes of batches that could not be stored. */
static void
store_sqlite_give_back(struct store_sqlite *q, struct batch *first,
    const struct batch *end, const char *why)
{
	struct batch *b;

	store_sqlite_note_error(q, why);
	store_sqlite_reset(first, end);
	for (b = first; b != end; b = STAILQ_NEXT(b, link)) {
		if (q->keep_in_memory)
			sqlite_writer_keep(&q->writer, b);
		else
			batch_refuse(b, why);
	}
}

/* Whether an error may be one batch's own fault. */
static bool
store_sqlite_is_own_fault(const struct store_sqlite *q)
{
	return q->code == SQLITE_TOOBIG || q->code == SQLITE_CONSTRAINT ||
	    q->code == SQLITE_NOMEM || q->code == SQLITE_MISMATCH;
}

/*
 * All that waits in one transaction.  If one batch is at fault each is tried by
 * itself; if the disk is, or another program, none is: they would all wait.
 */
static void
store_sqlite_store(struct store_sqlite *q, struct batch_list *list)
{
	struct batch *b, *first = STAILQ_FIRST(list);
	char why[SQLITE_WHY_SIZE];

	if (store_sqlite_try(q, first, NULL, why) == 0) {
		store_sqlite_note_good(q);
		return;
	}
	if (!store_sqlite_is_own_fault(q)) {
		store_sqlite_give_back(q, first, NULL, why);
		return;
	}
	STAILQ_FOREACH(b, list, link) {
		store_sqlite_reset(b, STAILQ_NEXT(b, link));
		if (b->event_count > 0 &&
		    store_sqlite_try(q, b, STAILQ_NEXT(b, link), why) == -1)
			store_sqlite_give_back(q, b, STAILQ_NEXT(b, link), why);
	}
}

static uint64_t
store_sqlite_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
store_sqlite_write(struct store_sqlite *q, struct batch_list *list)
{
	uint64_t began_us = store_sqlite_now_us(), until_us;
	struct batch *b;
	size_t events = 0;

	STAILQ_FOREACH(b, list, link)
		events += b->event_count;
	if (events > 0)
		store_sqlite_store(q, list);
	pthread_mutex_lock(&q->lock);
	q->commits += events > 0 && !q->is_degraded;
	q->events = q->writer.events;
	q->bytes = q->writer.bytes;
	q->channels = q->writer.channel_count;
	STAILQ_CONCAT(&q->done_batches, list);
	pthread_mutex_unlock(&q->lock);
	store_sqlite_wake(q);
	/*
	 * Under load retention gets as much time as storing.  The more it is
	 * behind, the more a step drops, so it cannot fall behind for ever.
	 */
	until_us = store_sqlite_now_us() * 2 - began_us;
	while (q->writer.over != NULL && store_sqlite_now_us() < until_us)
		if (!store_sqlite_tidy(q))
			return;
}

/* Takes all that waits; or waits for it, or until it is time to look around. */
static bool
store_sqlite_next_batches(struct store_sqlite *q, struct batch_list *list,
    bool wait)
{
	struct timespec until;
	bool is_closing;

	STAILQ_INIT(list);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SQLITE_IDLE_MS / 1000;
	pthread_mutex_lock(&q->lock);
	if (wait && STAILQ_EMPTY(&q->batches) && !q->is_closing &&
	    !q->is_damaged)
		pthread_cond_timedwait(&q->to_write, &q->lock, &until);
	STAILQ_CONCAT(list, &q->batches);
	is_closing = q->is_closing;
	pthread_mutex_unlock(&q->lock);
	return !STAILQ_EMPTY(list) || !is_closing;
}

static bool
store_sqlite_take_damage(struct store_sqlite *q)
{
	bool is_damaged;

	pthread_mutex_lock(&q->lock);
	is_damaged = q->is_damaged;
	q->is_damaged = false;
	pthread_mutex_unlock(&q->lock);
	return is_damaged;
}

static void *
store_sqlite_write_thread(void *arg)
{
	struct store_sqlite *q = arg;
	struct batch_list list;
	bool more = false;

	while (store_sqlite_next_batches(q, &list, !more)) {
		if (store_sqlite_take_damage(q))
			store_sqlite_replace_file(q, "found when it was read");
		if (!STAILQ_EMPTY(&list))
			store_sqlite_write(q, &list);
		more = store_sqlite_tidy(q);
	}
	return NULL;
}

/* Opens the reader's connection, again if the file was replaced. */
static int
store_sqlite_need_reader(struct store_sqlite *q, struct sqlite_file *f,
    unsigned *generation, struct store_read *r)
{
	struct sqlite_options options = { .is_reader = true };
	unsigned now;
	char *cause = NULL;

	pthread_mutex_lock(&q->lock);
	now = q->generation;
	pthread_mutex_unlock(&q->lock);
	if (f->db != NULL && *generation != now)
		sqlite_file_close(f);
	*generation = now;
	if (f->db != NULL ||
	    sqlite_file_open(f, q->path, &options, &cause) == SQLITE_OPENED)
		return 0;
	snprintf(r->error, sizeof r->error, "%s",
	    cause == NULL ? "out of memory" : cause);
	free(cause);
	return -1;
}

static struct store_read *
store_sqlite_next_read(struct store_sqlite *q)
{
	struct store_read *r;

	pthread_mutex_lock(&q->lock);
	while (q->reads == NULL && !q->is_closing)
		pthread_cond_wait(&q->to_read, &q->lock);
	if ((r = q->reads) != NULL) {
		q->reads = r->next;
		if (q->reads == NULL)
			q->reads_end = &q->reads;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

/* Damage is the writer's to mend, even if nobody publishes. */
static void
store_sqlite_reading_failed(struct store_sqlite *q, struct sqlite_file *f,
    const char *why)
{
	log_error("the history cannot be read: %s", why);
	if (f->db == NULL)
		return;
	if (sqlite_file_is_damaged(f)) {
		pthread_mutex_lock(&q->lock);
		q->is_damaged = true;
		pthread_cond_signal(&q->to_write);
		pthread_mutex_unlock(&q->lock);
	}
	sqlite_file_close(f);
}

static void *
store_sqlite_read_thread(void *arg)
{
	struct store_sqlite *q = arg;
	struct sqlite_file file = { 0 };
	unsigned generation = 0;
	struct store_read *r;
	int rc;

	while ((r = store_sqlite_next_read(q)) != NULL) {
		pthread_mutex_lock(&q->replacing);
		rc = store_sqlite_need_reader(q, &file, &generation, r);
		pthread_mutex_unlock(&q->replacing);
		if (rc == 0)
			sqlite_read(&file, r);
		if (r->error[0] != '\0')
			store_sqlite_reading_failed(q, &file, r->error);
		r->next = NULL;
		pthread_mutex_lock(&q->lock);
		q->read_count++;
		*q->done_reads_end = r;
		q->done_reads_end = &r->next;
		pthread_mutex_unlock(&q->lock);
		store_sqlite_wake(q);
	}
	if (file.db != NULL)
		sqlite_file_close(&file);
	return NULL;
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
store_sqlite_status(struct store *store, struct json_object *o)
{
	static const char *const names[] = { "none", "process", "power" };
	struct store_sqlite *q = (struct store_sqlite *)store;
	uint64_t file_bytes =
	    store_sqlite_file_bytes(q, "") + store_sqlite_file_bytes(q, "-wal");

	json_add_text(o, "kind", "sqlite", 6);
	json_add_text(o, "durability", names[q->durability],
	    strlen(names[q->durability]));
	pthread_mutex_lock(&q->lock);
	json_add(o, "degraded", json_object_new_boolean(q->is_degraded));
	json_add_number(o, "events", q->events);
	json_add_number(o, "bytes", q->bytes);
	json_add_number(o, "file_bytes", file_bytes);
	json_add_number(o, "channels", q->channels);
	json_add_number(o, "oldest_ms", q->oldest_ms);
	json_add_number(o, "commits", q->commits);
	json_add_number(o, "reads", q->read_count);
	json_add_number(o, "errors", q->errors);
	json_add_text(o, "last_error", q->last_error, strlen(q->last_error));
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
store_sqlite_new(const struct store_options *options)
{
	struct store_sqlite *q = calloc(1, sizeof *q);
	pthread_condattr_t attr;

	if (q == NULL)
		return NULL;
	q->store.ops = &store_sqlite_ops;
	q->store.is_durable = true;
	q->path = strdup(options->url + strlen("sqlite:"));
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
store_sqlite_open(const struct store_options *options, char **cause)
{
	struct store_sqlite *q = store_sqlite_new(options);

	*cause = NULL;
	if (q == NULL)
		return NULL;
	if (store_sqlite_open_file(q, cause) == 0 && store_sqlite_start(q) == 0)
		return &q->store;
	store_sqlite_free(q);
	return NULL;
}
