/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "store/sqlite_read.h"

/* The reading thread. */

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
	snprintf(r->error, sizeof r->error, "%s", cause_text(cause));
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

void *
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
