/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The reading thread: one read after the other, each on the same connection,
 * which is opened when the first read comes and again when the file was
 * replaced, or when reading failed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "store/sqlite_read.h"

/* Opens the reader's connection, again if the file was replaced. */
static int
read_thread_open(struct store_sqlite *q, struct sqlite_file *f,
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
	snprintf(r->error, sizeof r->error, "%s", cause_text(cause));
	free(cause);
	return -1;
}

/*
 * Closes the connection.  If the file is damaged, the writer must mend it, even
 * if nobody publishes.
 */
static void
read_thread_fail(struct store_sqlite *q, struct sqlite_file *f, const char *why)
{
	log_error("the history cannot be read: %s", why);
	if (f->db == NULL)
		return;
	if (sqlite_file_is_damaged(f))
		handover_nudge_writer(&q->handover);
	sqlite_file_close(f);
}

void *
read_thread_run(void *arg)
{
	struct store_sqlite *q = arg;
	struct sqlite_file file = { 0 };
	unsigned generation = 0;
	struct store_read *r;
	int rc;

	while ((r = handover_take_read(&q->handover)) != NULL) {
		/* 1. A connection to the file that is there now. */
		pthread_mutex_lock(&q->replacing);
		rc = read_thread_open(q, &file, &generation, r);
		pthread_mutex_unlock(&q->replacing);
		/* 2. The answer, or why there is none. */
		if (rc == 0)
			sqlite_read(&file, r);
		if (r->error[0] != '\0')
			read_thread_fail(q, &file, r->error);
		/* 3. Back to the loop. */
		pthread_mutex_lock(&q->lock);
		q->figures.reads++;
		pthread_mutex_unlock(&q->lock);
		handover_return_read(&q->handover, r);
	}
	if (file.db != NULL)
		sqlite_file_close(&file);
	return NULL;
}
