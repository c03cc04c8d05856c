/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/siphash.h"
#include "store/sqlite_file.h"
#include "store/sqlite_schema.h"

static const char *const sqlite_text[STATEMENTS] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_ADD_RUN] =
	    "INSERT INTO run SELECT CASE"
	    " WHEN length(?7) < 2048"
	    " AND ifnull(max(body), 0) < (?1 << 32) + 4294967295"
	    " THEN ifnull(max(body), ?1 << 32) + 1 END,"
	    " ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM run"
	    " WHERE body BETWEEN ?1 << 32 AND (?1 << 32) + 4294967295",
	[STATEMENT_ADD_OWN] = "INSERT INTO own VALUES (?,?,?,?)",
	[STATEMENT_FIND_CHANNEL] =
	    "SELECT id, events, bytes, oldest_ms, floor_ms, floor_n"
	    " FROM channel WHERE name = ?",
	[STATEMENT_ADD_CHANNEL] =
	    "INSERT INTO channel VALUES (NULL,?,0,0,0,0,0,0,0,0)",
	[STATEMENT_SET_CHANNEL] =
	    "UPDATE channel SET keep = ?2, keep_bytes = ?3, keep_ms = ?4,"
	    " events = ?5, bytes = ?6, oldest_ms = ?7, floor_ms = ?8,"
	    " floor_n = ?9 WHERE id = ?1",
	[STATEMENT_SET_LAST] = "UPDATE last SET ms = ?, n = ?",
	[STATEMENT_SET_FLOOR] = "UPDATE last SET floor_ms = ?, floor_n = ?",
	[STATEMENT_DROP_CHANNEL] = "DELETE FROM channel WHERE id = ?",
	[STATEMENT_FORGET] =
	    "INSERT INTO forgotten VALUES (?1, ?2, ?3) ON CONFLICT (slot)"
	    " DO UPDATE SET ms = ?2, n = ?3 WHERE (ms, n) < (?2, ?3)",
	[STATEMENT_FORGOTTEN] = "SELECT ms, n FROM forgotten WHERE slot = ?",
	[STATEMENT_COUNT_FORGOTTEN] = "SELECT count(*) FROM forgotten",
	[STATEMENT_FIND_FORGOTTEN] = "SELECT ms, n FROM forgotten"
				     " ORDER BY ms, n LIMIT 1 OFFSET ?",
	[STATEMENT_DROP_FORGOTTEN] =
	    "DELETE FROM forgotten WHERE (ms, n) <= (?, ?)",
	[STATEMENT_RAISE_FLOOR] = "UPDATE last SET floor_ms = ?1, floor_n = ?2"
				  " WHERE (floor_ms, floor_n) < (?1, ?2)",
	[STATEMENT_FIND_KEY] = "SELECT id FROM key WHERE hash = ?1",
	[STATEMENT_ADD_KEY] = "INSERT OR IGNORE INTO key VALUES (NULL,?,?,?)",
	[STATEMENT_DROP_KEYS] =
	    "DELETE FROM key WHERE number IN (SELECT number"
	    " FROM key ORDER BY number LIMIT ?2) AND at_ms < ?1",
	[STATEMENT_STEPS] = "SELECT ms, n, by_ms FROM step ORDER BY number"
			    " DESC LIMIT ?",
	[STATEMENT_ADD_STEP] = "INSERT INTO step VALUES (NULL, ?, ?, ?)",
	[STATEMENT_DROP_STEPS] = "DELETE FROM step WHERE number <="
				 " (SELECT max(number) FROM step) - ?",
	[STATEMENT_MOVE_CHANNELS] =
	    "UPDATE channel SET oldest_ms = max(oldest_ms + ?1, 0)"
	    " WHERE events > 0 AND oldest_ms <= ?2",
	[STATEMENT_MOVE_KEYS] = "UPDATE key SET at_ms = max(at_ms + ?1, 0)"
				" WHERE at_ms <= ?2",
	[STATEMENT_CAP_KEYS] = "UPDATE key SET at_ms = ?1 WHERE at_ms > ?1",
	[STATEMENT_COUNT_KEYS] = "SELECT count(*) FROM key",
	[STATEMENT_OLDEST_KEY] =
	    "SELECT at_ms FROM key ORDER BY number LIMIT 1",
	[STATEMENT_OLDEST_CHANNEL] =
	    "SELECT name, keep, keep_bytes, keep_ms, oldest_ms FROM channel"
	    " WHERE events > 0 ORDER BY oldest_ms LIMIT 1",
	[STATEMENT_OLDEST_RUNS] =
	    "SELECT last_ms, last_n, first_ms, events, bytes FROM run"
	    " WHERE channel = ? ORDER BY last_ms, last_n LIMIT ?",
	[STATEMENT_DROP_RUNS] = "DELETE FROM run WHERE channel = ?"
				" AND (last_ms, last_n) <= (?, ?)",
	[STATEMENT_DROP_OWN] =
	    "DELETE FROM own WHERE channel = ? AND (ms, n) <= (?, ?)",
	[STATEMENT_FIRST_RUN] =
	    "SELECT data, last_ms, last_n FROM run WHERE channel = ?"
	    " ORDER BY last_ms, last_n LIMIT 1",
	[STATEMENT_CUT_RUN] =
	    "UPDATE run SET data = ?4, first_ms = ?5, events = events - ?6,"
	    " bytes = bytes - ?7 WHERE channel = ?1 AND last_ms = ?2"
	    " AND last_n = ?3",
	[STATEMENT_DUE_CHANNELS] =
	    "SELECT name, keep, keep_bytes, keep_ms FROM channel"
	    " WHERE events > 0 AND keep_ms > 0 AND oldest_ms + keep_ms < ?"
	    " LIMIT ?",
	[STATEMENT_SOME_CHANNELS] =
	    "SELECT name, keep, keep_bytes, keep_ms, id,"
	    " events > keep OR bytes > keep_bytes FROM channel"
	    " WHERE id > ? ORDER BY id LIMIT ?",
	[STATEMENT_FIND_OWN] = "SELECT ms, n FROM own WHERE own_id = ?"
			       " AND channel = (SELECT id FROM channel WHERE"
			       " name = ?) ORDER BY ms DESC, n DESC LIMIT 1",
	[STATEMENT_COUNT] = "SELECT events FROM channel WHERE name = ?",
	[STATEMENT_LAST_RUNS] =
	    "SELECT last_ms, last_n, events, data FROM run WHERE channel ="
	    " (SELECT id FROM channel WHERE name = ?1)"
	    " AND (last_ms, last_n) < (?2, ?3)"
	    " ORDER BY last_ms DESC, last_n DESC",
	/* The index has all columns of this one: no body is read. */
	[STATEMENT_LAST_COUNTS] =
	    "SELECT last_ms, last_n, events FROM run WHERE channel ="
	    " (SELECT id FROM channel WHERE name = ?1)"
	    " AND (last_ms, last_n) < (?2, ?3)"
	    " ORDER BY last_ms DESC, last_n DESC",
	[STATEMENT_PEEK] = "SELECT first_ms FROM run WHERE channel ="
			   " (SELECT id FROM channel WHERE name = ?1)"
			   " AND (last_ms, last_n) > (?2, ?3)"
			   " ORDER BY last_ms, last_n LIMIT 1",
	[STATEMENT_FLOOR] =
	    "SELECT floor_ms, floor_n FROM channel WHERE name = ?",
	[STATEMENT_TOTALS] = "SELECT ifnull(sum(events), 0),"
			     " ifnull(sum(bytes), 0), count(*) FROM channel",
	[STATEMENT_OLDEST] =
	    "SELECT min(oldest_ms) FROM channel WHERE events > 0",
	[STATEMENT_LAST] = "SELECT ms, n, floor_ms, floor_n FROM last",
	[STATEMENT_MAKE_NOTES] =
	    "CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY,"
	    "text TEXT NOT NULL, ms INTEGER NOT NULL, n INTEGER NOT NULL)"
	    " WITHOUT ROWID",
	[STATEMENT_SET_NOTE] = "INSERT OR REPLACE INTO note VALUES (?,?,?,?)",
	[STATEMENT_DROP_NOTE] = "DELETE FROM note WHERE name = ?",
	[STATEMENT_TOUCH] = "UPDATE last SET ms = ms",
	[STATEMENT_PAGES] = "PRAGMA page_count",
	[STATEMENT_FREE_PAGES] = "PRAGMA freelist_count",
	[STATEMENT_VACUUM] = "PRAGMA incremental_vacuum(256)",
};

static const char *const sqlite_synchronous[] = {
	[STORE_NONE] = "PRAGMA synchronous = OFF",
	/* With a WAL: the file stays whole, and commits do not wait. */
	[STORE_PROCESS] = "PRAGMA synchronous = NORMAL",
	/* With a WAL: every commit waits for the disk. */
	[STORE_POWER] = "PRAGMA synchronous = FULL",
};

sqlite3_int64
sqlite_file_slot(const char *name, size_t len)
{
	static const uint64_t key[2] = { 0, 0 };

	return (sqlite3_int64)(siphash_64(key, name, len) % SQLITE_SLOTS);
}

sqlite3_stmt *
sqlite_file_use(struct sqlite_file *f, enum sqlite_statement which)
{
	sqlite3_stmt **s = &f->statements[which];

	if (*s == NULL)
		sqlite3_prepare_v3(f->db, sqlite_text[which], -1,
		    SQLITE_PREPARE_PERSISTENT, s, NULL);
	else
		sqlite3_reset(*s);
	return *s;
}

int
sqlite_file_step(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
sqlite_file_run(struct sqlite_file *f, enum sqlite_statement which)
{
	sqlite3_stmt *s = sqlite_file_use(f, which);
	int rc;

	if (s == NULL)
		return -1;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		;
	f->error = rc == SQLITE_DONE ? 0 : errno;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* What the system says.  When a COMMIT fails SQLite has an earlier one's. */
static int
sqlite_file_system_error(const struct sqlite_file *f)
{
	if (f->room_error != 0)
		return f->room_error;
	return f->error != 0 ? f->error : sqlite3_system_errno(f->db);
}

/*
 * Two other errors mean a full disk, too: one where the file system makes room
 * before it is written to, one for the small mapped file beside the log.
 */
int
sqlite_file_code(const struct sqlite_file *f)
{
	int code = sqlite3_errcode(f->db) & 0xff;
	int error = sqlite_file_system_error(f);

	if (f->room_error != 0)
		code = SQLITE_IOERR;
	if (code == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT))
		return SQLITE_FULL;
	return code;
}

void
sqlite_file_explain(const struct sqlite_file *f, char why[BATCH_WHY_SIZE])
{
	int code = sqlite_file_code(f), error = sqlite_file_system_error(f);
	bool is_same = code == (sqlite3_errcode(f->db) & 0xff);

	if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN)
		error = 0;
	snprintf(why, BATCH_WHY_SIZE, "%s: %s%s%s", f->path,
	    is_same ? sqlite3_errmsg(f->db) : sqlite3_errstr(code),
	    error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

bool
sqlite_file_is_damaged(const struct sqlite_file *f)
{
	int code = sqlite_file_code(f);

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

struct id
sqlite_file_id(sqlite3_stmt *s, int column)
{
	struct id id = { (uint64_t)sqlite3_column_int64(s, column),
		(uint64_t)sqlite3_column_int64(s, column + 1) };

	return id;
}

void
sqlite_file_bind_id(sqlite3_stmt *s, int index, struct id id)
{
	uint64_t n = id.n > INT64_MAX ? INT64_MAX : id.n;

	sqlite3_bind_int64(s, index, (sqlite3_int64)id.ms);
	sqlite3_bind_int64(s, index + 1, (sqlite3_int64)n);
}

/*
 * What SQLite says of a file that it cannot open or write is the same whatever
 * keeps it from that.  Two other files lie beside it.
 */
static int
sqlite_file_check_access(const struct sqlite_file *f, char **cause)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, names[i]);
		if (process_check_writable(path, cause) == -1)
			return -1;
	}
	return 0;
}

static enum sqlite_open
sqlite_file_fail(const struct sqlite_file *f, char **cause)
{
	int error = sqlite_file_code(f);
	char why[BATCH_WHY_SIZE];

	if ((error == SQLITE_CANTOPEN || error == SQLITE_READONLY ||
		error == SQLITE_PERM) &&
	    sqlite_file_check_access(f, cause) == -1) {
		cause_prefix(cause, "%s: ", f->path);
		return SQLITE_UNUSABLE;
	}
	sqlite_file_explain(f, why);
	cause_set(cause, "%s", why);
	if (error == SQLITE_FULL || error == SQLITE_IOERR)
		return SQLITE_LATER;
	return sqlite_file_is_damaged(f) ? SQLITE_DAMAGED : SQLITE_UNUSABLE;
}

static enum sqlite_open
sqlite_file_refuse(const struct sqlite_file *f, char **cause, const char *why)
{
	cause_set(cause, "%s: %s", f->path, why);
	return SQLITE_UNUSABLE;
}

/* Whether the file is crier's, of a version that we know, and can be read. */
static enum sqlite_open
sqlite_file_check(struct sqlite_file *f, const struct sqlite_options *options,
    char **cause)
{
	int rc = 0;

	switch (schema_look(f->db)) {
	case SCHEMA_NONE:
		rc = schema_make(f->db, options->floor);
		break;
	case SCHEMA_NOW:
		break;
	case SCHEMA_EARLIER:
		if (options->is_reader)
			return sqlite_file_refuse(f, cause,
			    "is being upgraded");
		rc = schema_upgrade(f->db, f->secret);
		break;
	case SCHEMA_LATER:
		return sqlite_file_refuse(f, cause,
		    "was made by a newer version of crier");
	case SCHEMA_FOREIGN:
		return sqlite_file_refuse(f, cause,
		    "is a database, but not crier's history");
	default:
		rc = -1;
		break;
	}
	return rc == 0 ? SQLITE_OPENED : sqlite_file_fail(f, cause);
}

static enum sqlite_open
sqlite_file_set_up(struct sqlite_file *f, enum store_durability durability,
    char **cause)
{
	const char *const texts[] = { "PRAGMA journal_mode = WAL",
		"PRAGMA cache_size = -32768;"
		"PRAGMA journal_size_limit = 2097152",
		sqlite_synchronous[durability] };
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (sqlite3_exec(f->db, texts[i], NULL, NULL, NULL) !=
		    SQLITE_OK)
			return sqlite_file_fail(f, cause);
	f->has_old_keys = schema_has_old_keys(f->db);
	if (schema_load_secret(f->db, f->secret) == -1)
		return sqlite_file_fail(f, cause);
	return SQLITE_OPENED;
}

enum sqlite_open
sqlite_file_open(struct sqlite_file *f, const char *path,
    const struct sqlite_options *options, char **cause)
{
	int flags = options->is_reader
	    ? SQLITE_OPEN_READONLY
	    : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	enum sqlite_open result;

	memset(f, 0, sizeof *f);
	f->path = path;
	if (sqlite3_open_v2(path, &f->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		result = sqlite_file_fail(f, cause);
	} else {
		sqlite3_busy_timeout(f->db, SQLITE_BUSY_MS);
		/*
		 * The file may be another program's: look before changing
		 * anything.
		 */
		result = sqlite_file_check(f, options, cause);
	}
	if (result == SQLITE_OPENED && !options->is_reader)
		result = sqlite_file_set_up(f, options->durability, cause);
	if (result != SQLITE_OPENED)
		sqlite_file_close(f);
	return result;
}

void
sqlite_file_close(struct sqlite_file *f)
{
	size_t i;

	for (i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(f->statements[i]);
		f->statements[i] = NULL;
	}
	sqlite3_close(f->db);
	f->db = NULL;
}

/* "file:PATH?immutable=1": nothing beside the file is looked at. */
static int
sqlite_file_immutable(struct buffer *url, const char *path)
{
	size_t len;
	int rc = buffer_append(url, "file:", 5);

	for (; rc == 0 && *path != '\0'; path += len) {
		len = strcspn(path, "%?#");
		rc = buffer_append(url, path, len);
		if (rc == 0 && len == 0) {
			rc = buffer_printf(url, "%%%02x", (unsigned char)*path);
			len = 1;
		}
	}
	return rc == 0 ? buffer_append(url, "?immutable=1", 13) : -1;
}

struct id
sqlite_file_peek_last(const char *path)
{
	struct sqlite_file f = { .path = path };
	struct buffer url = { 0 };
	struct id last = { 0, 0 };
	sqlite3_stmt *s = NULL;

	if (sqlite_file_immutable(&url, path) == 0 &&
	    sqlite3_open_v2(url.data, &f.db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK)
		s = sqlite_file_use(&f, STATEMENT_LAST);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		last = sqlite_file_id(s, 0);
	sqlite_file_close(&f);
	buffer_clear(&url);
	return last;
}

int
sqlite_file_set_aside(const char *path, const char *why, char **cause)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char from[4096], to[4096];
	unsigned long long stamp = (unsigned long long)clock_wall_ms();
	size_t i;

	for (i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(from, sizeof from, "%s%s", path, parts[i]);
		snprintf(to, sizeof to, "%s.damaged-%llu%s", path, stamp,
		    parts[i]);
		if (rename(from, to) == -1 && errno != ENOENT)
			return cause_set(cause,
			    "%s: damaged (%s), and cannot be set aside: %s",
			    path, why, strerror(errno));
	}
	log_error("THE HISTORY IS DAMAGED and was set aside as "
		  "%s.damaged-%llu: %s; going on with an empty one",
	    path, stamp, why);
	return 0;
}
