/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_FILE_H
#define CRIER_STORE_SQLITE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/table.h"
#include "protocol/id.h"
#include "store/sqlite_steps.h"
#include "store/store.h"

/*
 * A connection to the history's database.  It is used by one thread alone, the
 * writer's or the reader's.
 */

enum sqlite_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_ADD_RUN,
	STATEMENT_ADD_OWN,
	STATEMENT_FIND_CHANNEL,
	STATEMENT_ADD_CHANNEL,
	STATEMENT_SET_CHANNEL,
	STATEMENT_SET_LAST,
	STATEMENT_SET_FLOOR,
	STATEMENT_DROP_CHANNEL,
	STATEMENT_FORGET,
	STATEMENT_FORGOTTEN,
	STATEMENT_COUNT_FORGOTTEN,
	STATEMENT_FIND_FORGOTTEN,
	STATEMENT_DROP_FORGOTTEN,
	STATEMENT_RAISE_FLOOR,
	STATEMENT_FIND_KEY,
	STATEMENT_ADD_KEY,
	STATEMENT_DROP_KEYS,
	STATEMENT_STEPS,
	STATEMENT_ADD_STEP,
	STATEMENT_DROP_STEPS,
	STATEMENT_MOVE_CHANNELS,
	STATEMENT_MOVE_KEYS,
	STATEMENT_CAP_KEYS,
	STATEMENT_COUNT_KEYS,
	STATEMENT_OLDEST_KEY,
	STATEMENT_OLDEST_CHANNEL,
	STATEMENT_OLDEST_RUNS,
	STATEMENT_DROP_RUNS,
	STATEMENT_DROP_OWN,
	STATEMENT_FIRST_RUN,
	STATEMENT_CUT_RUN,
	STATEMENT_DUE_CHANNELS,
	STATEMENT_SOME_CHANNELS,
	STATEMENT_FIND_OWN,
	STATEMENT_COUNT,
	STATEMENT_LAST_RUNS,
	STATEMENT_LAST_COUNTS,
	STATEMENT_PEEK,
	STATEMENT_FLOOR,
	STATEMENT_TOTALS,
	STATEMENT_OLDEST,
	STATEMENT_LAST,
	STATEMENT_MAKE_NOTES,
	STATEMENT_SET_NOTE,
	STATEMENT_DROP_NOTE,
	STATEMENT_TOUCH,
	STATEMENT_PAGES,
	STATEMENT_FREE_PAGES,
	STATEMENT_VACUUM,
	STATEMENTS
};

struct sqlite_file {
	const char *path;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS]; /* made when first used */
	struct sqlite_steps steps;            /* of the wall clock */
	int error; /* errno, if the last sqlite_file_run failed; or 0 */

	/* The writer's. */
	uint64_t secret[2]; /* of the keys' hashes */
	bool has_old_keys;  /* schema_has_old_keys */

	/* The writer's, too; see sqlite_space.h. */
	sqlite3_int64 pages;             /* of the database */
	int log_pages, checkpoint_pages; /* in the log; to wait for */
	bool has_freed;                  /* pages, since they were given back */
	int room_error; /* errno: the last transaction finds no room; or 0 */
};

/* Why a file cannot be used. */
enum sqlite_open {
	SQLITE_OPENED,
	SQLITE_UNUSABLE, /* *cause says why; leave it alone */
	SQLITE_LATER,    /* *cause says why; the disk's fault, try again */
	SQLITE_DAMAGED   /* *cause says why; to be set aside */
};

enum {
	SQLITE_BUSY_MS = 2000
}; /* for another program that has it locked */

struct sqlite_options {
	enum store_durability durability;
	bool is_reader;
	struct id floor; /* of a new file: what was published before it */
};

/*
 * Opens the database, makes its schema if it is new, and looks whether it is
 * whole as far as that takes no time.  *cause is the caller's.
 */
enum sqlite_open sqlite_file_open(struct sqlite_file *, const char *path,
    const struct sqlite_options *, char **cause);

void sqlite_file_close(struct sqlite_file *);

/*
 * The newest id in a database that can be read, but not opened for want of room
 * beside it; what only the log has is not seen.  0-0 if there is none.
 */
struct id sqlite_file_peek_last(const char *path);

/*
 * Gives a damaged database another name, with what belongs to it, and says so
 * in the log.  0, or -1 with *cause.
 */
int sqlite_file_set_aside(const char *path, const char *why, char **cause);

/*
 * A statement, prepared when first used, and reset; NULL: see sqlite3_errmsg.
 */
sqlite3_stmt *sqlite_file_use(struct sqlite_file *, enum sqlite_statement);

/*
 * Runs a statement that has no rows, its values bound, and resets it; 0 or -1.
 */
int sqlite_file_step(sqlite3_stmt *);

/* Runs a statement without values; rows are skipped.  0 or -1. */
int sqlite_file_run(struct sqlite_file *, enum sqlite_statement);

/* What the last error is, without its details: SQLITE_FULL and so on. */
int sqlite_file_code(const struct sqlite_file *);

/* Says what it is: the file, the error, and what the system says of it. */
void sqlite_file_explain(const struct sqlite_file *, char why[BATCH_WHY_SIZE]);

/* Whether the last error means that the file is damaged. */
bool sqlite_file_is_damaged(const struct sqlite_file *);

/* Which of the rows of `forgotten` a channel shares. */
enum {
	SQLITE_SLOTS = 65536
};
sqlite3_int64 sqlite_file_slot(const char *name, size_t len);

/* Ids are two columns. */
struct id sqlite_file_id(sqlite3_stmt *, int column);
void sqlite_file_bind_id(sqlite3_stmt *, int index, struct id);

#endif
