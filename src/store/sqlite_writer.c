/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite.h"

/* The writing thread: storing, retention, and what to do when it fails. */

enum {
	SQLITE_IDLE_MS = 1000,
	SQLITE_DEGRADED_MS = 50
};

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

int
store_sqlite_open_file(struct store_sqlite *q, char **cause)
{
	struct sqlite_options options = { .durability = q->durability };
	struct sqlite_file *f = &q->writer.file;
	enum sqlite_open result;
	sqlite3_stmt *s;
	char *why;

	options.floor = id_next(q->writer.last, clock_wall_ms());
	result = sqlite_file_open(f, q->path, &options, cause);
	if (result == SQLITE_DAMAGED) {
		why = *cause;
		*cause = NULL;
		if (sqlite_file_set_aside(q->path, cause_text(why), cause) ==
		    0) {
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
		store_sqlite_note_error(q, cause_text(cause));
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
	store_sqlite_note_error(q, cause_text(cause));
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
	uint64_t now = clock_wall_ms(), key_ms;
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
	if (sqlite_writer_commit(w, first, end) == 0)
		return 0;
	store_sqlite_rollback(q);
	return -1;
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

static void
store_sqlite_write(struct store_sqlite *q, struct batch_list *list)
{
	uint64_t began_us = clock_monotonic_us(), until_us;
	struct batch *b;
	size_t events = 0;

	STAILQ_FOREACH(b, list, link)
		events += b->event_count - b->fleeting_count;
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
	until_us = clock_monotonic_us() * 2 - began_us;
	while (q->writer.over != NULL && clock_monotonic_us() < until_us)
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

void *
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
