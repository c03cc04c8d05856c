/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The writing thread: storing, retention, and what becomes of faults.
 *
 * A commit that fails is rolled back, and its events are refused, or kept in
 * memory; the next commit is an attempt like any other.  Damage sets the file
 * aside, and the batches at hand go into the empty one that takes its place.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "store/sqlite_space.h"

enum {
	WRITE_THREAD_DEGRADED_MS = 50 /* for another program's lock */
};

static void
write_thread_note_error(struct store_sqlite *q, const char *why)
{
	bool is_new = strcmp(q->last_error, why) != 0 || !q->is_degraded;

	q->is_degraded = true;
	pthread_mutex_lock(&q->lock);
	q->figures.errors++;
	q->figures.degraded = 1;
	snprintf(q->last_error, sizeof q->last_error, "%s", why);
	pthread_mutex_unlock(&q->lock);
	if (is_new)
		log_error("the history cannot be stored: %s%s", why,
		    q->keep_in_memory ? "; events are kept in memory alone"
				      : "; events are refused");
}

static void
write_thread_note_good(struct store_sqlite *q)
{
	if (!q->is_degraded)
		return;
	q->is_degraded = false;
	pthread_mutex_lock(&q->lock);
	q->figures.degraded = 0;
	pthread_mutex_unlock(&q->lock);
	log_warning("the history can be stored again");
}

/* Copies the writer's counts to where the loop reads them; locked. */
static void
write_thread_note_counts(struct store_sqlite *q)
{
	q->figures.events = q->writer.events;
	q->figures.bytes = q->writer.bytes;
	q->figures.channels = q->writer.channel_count;
	q->figures.keys = q->writer.key_count;
	q->figures.forgotten = q->writer.forgotten;
	q->figures.key_bytes = keys_memory(&q->writer.keys);
}

static void
write_thread_note_totals(struct store_sqlite *q)
{
	sqlite3_stmt *s = sqlite_file_use(&q->writer.file, STATEMENT_OLDEST);
	uint64_t oldest_ms = 0;

	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		oldest_ms = (uint64_t)sqlite3_column_int64(s, 0);
	if (s != NULL)
		sqlite3_reset(s);
	pthread_mutex_lock(&q->lock);
	write_thread_note_counts(q);
	q->figures.oldest_ms = oldest_ms;
	pthread_mutex_unlock(&q->lock);
}

/*
 * Keys go in the order in which they came.  If the clock was ahead, and was put
 * back between two runs, those of that time would keep all behind them.
 */
static void
write_thread_cap_keys(struct sqlite_file *f)
{
	sqlite3_stmt *s = sqlite_file_use(f, STATEMENT_CAP_KEYS);

	if (s == NULL)
		return;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)clock_wall_ms());
	/* Without it, they stay longer. */
	sqlite_file_step(s);
}

static enum sqlite_open
write_thread_open(struct store_sqlite *q, char **cause)
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
		if (sqlite_file_set_aside(q->path, cause_text(why), cause) == 0)
			result = sqlite_file_open(f, q->path, &options, cause);
		free(why);
	}
	if (result != SQLITE_OPENED)
		return result;
	space_set_up(f);
	s = sqlite_file_use(f, STATEMENT_TOTALS);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
		q->writer.events = (uint64_t)sqlite3_column_int64(s, 0);
		q->writer.bytes = (uint64_t)sqlite3_column_int64(s, 1);
		q->writer.channel_count = (uint64_t)sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
	q->ahead_ms = clock_wall_ms() - clock_monotonic_ms();
	steps_load(f);
	write_thread_cap_keys(f);
	s = sqlite_file_use(f, STATEMENT_COUNT_KEYS);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		q->writer.key_count = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	sqlite_writer_count_forgotten(&q->writer);
	s = sqlite_file_use(f, STATEMENT_LAST);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		q->writer.last = sqlite_file_id(s, 0);
	sqlite3_reset(s);
	write_thread_note_totals(q);
	return SQLITE_OPENED;
}

int
write_thread_begin(struct store_sqlite *q, char **cause)
{
	enum sqlite_open result = write_thread_open(q, cause);

	if (result == SQLITE_LATER) {
		write_thread_note_error(q, cause_text(*cause));
		free(*cause);
		*cause = NULL;
		q->store.last = sqlite_file_peek_last(q->path);
		return 0;
	}
	q->store.last = q->writer.last;
	return result == SQLITE_OPENED ? 0 : -1;
}

/* A damaged file goes aside, and an empty one takes its place. */
static void
write_thread_replace_file(struct store_sqlite *q, const char *why)
{
	char *cause = NULL;

	pthread_mutex_lock(&q->replacing);
	sqlite_writer_forget(&q->writer);
	sqlite_file_close(&q->writer.file);
	if (sqlite_file_set_aside(q->path, why, &cause) == -1 ||
	    write_thread_open(q, &cause) != SQLITE_OPENED)
		write_thread_note_error(q, cause_text(cause));
	free(cause);
	pthread_mutex_lock(&q->lock);
	q->generation++;
	pthread_mutex_unlock(&q->lock);
	pthread_mutex_unlock(&q->replacing);
}

/* A file that could not be opened is tried again. */
static int
write_thread_need_file(struct store_sqlite *q)
{
	char *cause = NULL;

	if (q->writer.file.db != NULL)
		return 0;
	if (write_thread_open(q, &cause) == SQLITE_OPENED) {
		write_thread_note_good(q);
		return 0;
	}
	write_thread_note_error(q, cause_text(cause));
	free(cause);
	return -1;
}

/*
 * Rolls back what failed.  Whether there is room now that there was not, so
 * that another try makes sense.
 */
static bool
write_thread_rollback(struct store_sqlite *q)
{
	struct sqlite_file *f = &q->writer.file;
	bool was_full = sqlite_file_code(f) == SQLITE_FULL;

	if (sqlite3_get_autocommit(f->db) == 0)
		sqlite_file_run(f, STATEMENT_ROLLBACK);
	sqlite_writer_forget(&q->writer);
	f->room_error = 0;
	return was_full && space_make_room(f);
}

/*
 * Notes a step of the wall clock.  Until that has been stored, retention goes
 * by the clock as it was.
 */
static void
write_thread_watch_clock(struct store_sqlite *q)
{
	struct sqlite_writer *w = &q->writer;
	uint64_t now_ms = clock_monotonic_ms() + q->ahead_ms;
	int64_t by_ms = (int64_t)(clock_wall_ms() - now_ms);

	if ((by_ms < STEPS_MIN_MS && by_ms > -STEPS_MIN_MS) ||
	    w->file.db == NULL)
		return;
	if (sqlite_file_run(&w->file, STATEMENT_BEGIN) == 0 &&
	    steps_add(&w->file, by_ms, now_ms, w->last) == 0 &&
	    sqlite_file_run(&w->file, STATEMENT_COMMIT) == 0 &&
	    steps_load(&w->file) == 0) {
		q->ahead_ms += (uint64_t)by_ms;
		sqlite_writer_forget(w);
		log_warning("the clock was set by %lld s",
		    (long long)by_ms / 1000);
		return;
	}
	write_thread_rollback(q);
}

/* Takes one step of retention; whether there may be more to do. */
static bool
write_thread_tidy(struct store_sqlite *q)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct store_bounds bounds;
	char why[BATCH_WHY_SIZE];
	int more;

	pthread_mutex_lock(&q->lock);
	bounds = q->bounds;
	pthread_mutex_unlock(&q->lock);
	/* Keys in memory are the more, the longer there is no file. */
	keys_set_max(&q->writer.keys, bounds.keys);
	keys_expire(&q->writer.keys,
	    now_ms > bounds.key_ms ? now_ms - bounds.key_ms : 0);
	if (write_thread_need_file(q) == -1)
		return false;
	more = sqlite_writer_trim(&q->writer, now_ms + q->ahead_ms, &bounds);
	if (more == -1) {
		sqlite_file_explain(&q->writer.file, why);
		if (sqlite_file_is_damaged(&q->writer.file))
			write_thread_replace_file(q, why);
		else
			write_thread_rollback(q);
		return false;
	}
	if (more == 0)
		write_thread_note_totals(q);
	return more == 1;
}

/* Forgets what an attempt has marked: its keys are looked up anew. */
static void
write_thread_reset(struct batch *first, const struct batch *end)
{
	struct batch *b;
	size_t i;

	for (b = first; b != end; b = STAILQ_NEXT(b, link))
		for (i = 0; i < b->event_count; i++)
			b->events[i].outcome = BATCH_ACCEPTED;
}

/* One attempt: 0, or -1 with nothing stored, the reason and its code. */
static int
write_thread_attempt(struct store_sqlite *q, struct batch *first,
    const struct batch *end, char why[BATCH_WHY_SIZE])
{
	struct sqlite_writer *w = &q->writer;

	if (sqlite_writer_commit(w, first, end) == 0)
		return 0;
	sqlite_file_explain(&w->file, why);
	q->code = sqlite_file_code(&w->file);
	return -1;
}

/*
 * Stores batches, in the room that can be made, or in an empty file if this one
 * is damaged.  0; or -1, with the reason in why and its code in q->code, and
 * nothing stored.
 */
static int
write_thread_try(struct store_sqlite *q, struct batch *first,
    const struct batch *end, char why[BATCH_WHY_SIZE])
{
	struct sqlite_writer *w = &q->writer;

	if (write_thread_need_file(q) == -1) {
		snprintf(why, BATCH_WHY_SIZE, "%s", q->last_error);
		return -1;
	}
	/* Batches must not wait long for a file that is known to be locked. */
	sqlite3_busy_timeout(w->file.db,
	    q->is_degraded ? WRITE_THREAD_DEGRADED_MS : SQLITE_BUSY_MS);
	if (write_thread_attempt(q, first, end, why) == 0)
		return 0;
	if (sqlite_file_is_damaged(&w->file)) {
		write_thread_replace_file(q, why);
		if (w->file.db == NULL)
			return -1;
	} else if (!write_thread_rollback(q)) {
		return -1;
	}
	write_thread_reset(first, end);
	if (write_thread_attempt(q, first, end, why) == 0)
		return 0;
	write_thread_rollback(q);
	return -1;
}

/* Refuses batches that could not be stored, or accepts them in memory. */
static void
write_thread_give_back(struct store_sqlite *q, struct batch *first,
    const struct batch *end, const char *why)
{
	struct batch *b;

	write_thread_note_error(q, why);
	write_thread_reset(first, end);
	for (b = first; b != end; b = STAILQ_NEXT(b, link)) {
		if (q->keep_in_memory)
			sqlite_writer_keep(&q->writer, b);
		else
			batch_refuse(b, why);
	}
}

/* Whether the last error may come from what one batch holds. */
static bool
write_thread_is_own_fault(const struct store_sqlite *q)
{
	return q->code == SQLITE_TOOBIG || q->code == SQLITE_CONSTRAINT ||
	    q->code == SQLITE_NOMEM || q->code == SQLITE_MISMATCH;
}

/*
 * All batches in one transaction.  If a batch may be at fault, each is tried by
 * itself.  If the disk is at fault, or another program, that would only let all
 * of them wait once more.
 */
static void
write_thread_store(struct store_sqlite *q, struct batch_list *list)
{
	struct batch *b, *first = STAILQ_FIRST(list);
	char why[BATCH_WHY_SIZE];

	if (write_thread_try(q, first, NULL, why) == 0) {
		write_thread_note_good(q);
		return;
	}
	if (!write_thread_is_own_fault(q)) {
		write_thread_give_back(q, first, NULL, why);
		return;
	}
	STAILQ_FOREACH(b, list, link) {
		write_thread_reset(b, STAILQ_NEXT(b, link));
		if ((b->event_count > 0 || !STAILQ_EMPTY(&b->notes)) &&
		    write_thread_try(q, b, STAILQ_NEXT(b, link), why) == -1)
			write_thread_give_back(q, b, STAILQ_NEXT(b, link), why);
	}
}

static void
write_thread_write(struct store_sqlite *q, struct batch_list *list)
{
	uint64_t began_us = clock_monotonic_us(), until_us;
	struct batch *b;
	size_t events = 0;

	STAILQ_FOREACH(b, list, link)
		events += b->event_count - b->fleeting_count +
		    !STAILQ_EMPTY(&b->notes);
	if (events > 0)
		write_thread_store(q, list);
	pthread_mutex_lock(&q->lock);
	q->figures.commits += events > 0 && !q->is_degraded;
	write_thread_note_counts(q);
	pthread_mutex_unlock(&q->lock);
	handover_return_batches(&q->handover, list);
	/*
	 * Under load retention gets as much time as storing.  The more it is
	 * behind, the more a step drops, so it cannot fall behind for ever.
	 */
	until_us = clock_monotonic_us() * 2 - began_us;
	while (sqlite_writer_is_over(&q->writer) &&
	    clock_monotonic_us() < until_us)
		if (!write_thread_tidy(q))
			return;
}

void *
write_thread_run(void *arg)
{
	struct store_sqlite *q = arg;
	struct batch_list list;
	bool more = false, is_damaged;

	/* 1. All batches that wait.  Only who has nothing to do waits. */
	while (handover_take_batches(&q->handover, &list,
	    space_transaction_bytes(&q->writer.file), !more, &is_damaged)) {
		/* 2. What the reader nudges for is damage. */
		if (is_damaged)
			write_thread_replace_file(q, "found when it was read");
		/* 3. The clock: all that is stored came before this. */
		write_thread_watch_clock(q);
		/* 4. Storing comes before retention. */
		if (!STAILQ_EMPTY(&list))
			write_thread_write(q, &list);
		/* 5. One step of retention, then batches may have come. */
		more = write_thread_tidy(q);
	}
	return NULL;
}
