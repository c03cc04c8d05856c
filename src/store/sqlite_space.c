/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>

#include "store/sqlite_space.h"

enum {
	SPACE_BUSY_MS = 100, /* for readers, when the log is twice its size */
	SPACE_PAGE_BYTES = 4096,
	SPACE_FREE_PAGES_MIN = 512, /* are kept in the file, for what comes */
	SPACE_FREE_PAGES_MAX = 1024
};

/* The pages after which the log is copied into the file. */
static int
space_log_pages(const struct sqlite_file *f)
{
	sqlite3_int64 pages = f->pages / 4;

	if (pages < SPACE_LOG_BYTES_MIN / SPACE_PAGE_BYTES)
		return SPACE_LOG_BYTES_MIN / SPACE_PAGE_BYTES;
	if (pages > SPACE_LOG_BYTES_MAX / SPACE_PAGE_BYTES)
		return SPACE_LOG_BYTES_MAX / SPACE_PAGE_BYTES;
	return (int)pages;
}

/*
 * Copies what is in the log.  Whoever reads in it hinders a passive checkpoint,
 * and is waited for if it restarts the log.
 */
static int
space_checkpoint(struct sqlite_file *f, int mode)
{
	int rc;

	sqlite3_busy_timeout(f->db, SPACE_BUSY_MS);
	rc = sqlite3_wal_checkpoint_v2(f->db, NULL, mode, NULL, NULL);
	sqlite3_busy_timeout(f->db, SQLITE_BUSY_MS);
	return rc;
}

/*
 * Called after each commit with the length of the log.  A log that cannot be
 * begun again for somebody who reads in it grows, and is tried again when it
 * has grown by a quarter.
 */
static int
space_log_cb(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_file *f = arg;
	int most = space_log_pages(f);

	(void)db;
	(void)name;
	if (pages < f->log_pages)
		f->checkpoint_pages = 0;
	f->log_pages = pages;
	if (pages < most || pages < f->checkpoint_pages)
		return SQLITE_OK;
	space_checkpoint(f,
	    pages < most * 2 ? SQLITE_CHECKPOINT_PASSIVE
			     : SQLITE_CHECKPOINT_RESTART);
	f->checkpoint_pages = pages + most / 4;
	return SQLITE_OK;
}

/* The number that a statement without values results in, or -1. */
static sqlite3_int64
space_number(struct sqlite_file *f, enum sqlite_statement which)
{
	sqlite3_stmt *s = sqlite_file_use(f, which);
	sqlite3_int64 number = -1;

	if (s == NULL)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		number = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return number;
}

void
space_set_up(struct sqlite_file *f)
{
	int chunk = SPACE_CHUNK_BYTES;

	sqlite3_file_control(f->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	sqlite3_wal_hook(f->db, space_log_cb, f);
	/* A file without this room gets it with its next commit. */
	space_reserve(f);
}

uint64_t
space_transaction_bytes(const struct sqlite_file *f)
{
	uint64_t bytes = (uint64_t)f->pages * SPACE_PAGE_BYTES / 4;

	if (bytes < SPACE_TRANSACTION_MIN)
		return SPACE_TRANSACTION_MIN;
	return bytes < SPACE_TRANSACTION_MAX ? bytes : SPACE_TRANSACTION_MAX;
}

int
space_reserve(struct sqlite_file *f)
{
	sqlite3_int64 pages = space_number(f, STATEMENT_PAGES), bytes;
	int rc;

	if (pages == -1)
		return -1;
	f->pages = pages;
	f->room_error = errno = 0;
	bytes = pages * SPACE_PAGE_BYTES;
	rc =
	    sqlite3_file_control(f->db, "main", SQLITE_FCNTL_SIZE_HINT, &bytes);
	/* A database in memory has no file to ask. */
	if (rc == SQLITE_OK || rc == SQLITE_NOTFOUND)
		return 0;
	f->room_error = errno != 0 ? errno : ENOSPC;
	return -1;
}

bool
space_make_room(struct sqlite_file *f)
{
	return space_checkpoint(f, SQLITE_CHECKPOINT_RESTART) == SQLITE_OK;
}

int
space_used(struct sqlite_file *f, uint64_t *bytes)
{
	sqlite3_int64 pages = space_number(f, STATEMENT_PAGES);
	sqlite3_int64 unused = space_number(f, STATEMENT_FREE_PAGES);

	if (pages == -1 || unused == -1)
		return -1;
	*bytes = (uint64_t)(pages - unused) * SPACE_PAGE_BYTES;
	return 0;
}

int
space_give_back(struct sqlite_file *f)
{
	sqlite3_int64 pages = space_number(f, STATEMENT_FREE_PAGES);
	sqlite3_int64 most = f->pages / 4;

	if (pages == -1)
		return -1;
	if (most < SPACE_FREE_PAGES_MIN)
		most = SPACE_FREE_PAGES_MIN;
	if (most > SPACE_FREE_PAGES_MAX)
		most = SPACE_FREE_PAGES_MAX;
	if (pages > most) {
		f->has_freed = true;
		return sqlite_file_run(f, STATEMENT_VACUUM) == -1 ? -1 : 1;
	}
	/*
	 * SQLite cuts the file when all of the log is copied, and the log when
	 * it is begun again: not to nothing, for on a full disk it is needed.
	 */
	if ((f->has_freed || f->log_pages > space_log_pages(f)) &&
	    space_checkpoint(f, SQLITE_CHECKPOINT_RESTART) == SQLITE_OK)
		sqlite_file_run(f, STATEMENT_TOUCH);
	f->has_freed = false;
	/* Gives back the memory that a flood of events needed. */
	sqlite3_db_release_memory(f->db);
	return 0;
}
