/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "store/sqlite_schema.h"

enum {
	SCHEMA_APPLICATION = 0x63726965, /* "crie" */
	/*
	 * 2: keys with whose they are, and of which channels (publish.c).
	 * 3: an index leads to the runs.
	 * 4: keys are hashes.
	 */
	SCHEMA_VERSION = 4
};

/*
 * The bodies of a channel's runs lie together, or retention would write as many
 * pages as runs go: their numbers begin with the channel's (any other number
 * serves as well, as those of an upgrade and behind 2^32 runs do).  A run that
 * has a page for itself gains nothing by that, and stands behind all others: in
 * the midst of a tree SQLite writes the neighbours of what it inserts, too.
 * What says where and how large the runs are is in an index.  To find a place
 * in a tree whose rows have the bodies themselves, SQLite reads whole rows for
 * each comparison.
 */
#define SCHEMA_RUNS                                           \
	"CREATE TABLE run (body INTEGER PRIMARY KEY,"         \
	"channel INTEGER NOT NULL, last_ms INTEGER NOT NULL," \
	"last_n INTEGER NOT NULL, first_ms INTEGER NOT NULL," \
	"events INTEGER NOT NULL, bytes INTEGER NOT NULL,"    \
	"data BLOB NOT NULL);"                                \
	"CREATE INDEX run_at ON run"                          \
	" (channel, last_ms, last_n, first_ms, events, bytes);"

/*
 * A key has whose it is and all channels, and is known for a day: a row has its
 * hash (SipHash-2-4, 128 bits), under a secret that stays with the file.  Rows
 * are numbered as keys came, and so go.
 */
#define SCHEMA_KEYS                                                         \
	"CREATE TABLE key (number INTEGER PRIMARY KEY, hash BLOB NOT NULL," \
	"id TEXT NOT NULL, at_ms INTEGER NOT NULL);"                        \
	"CREATE UNIQUE INDEX key_hash ON key (hash);"                       \
	"CREATE TABLE secret (one INTEGER PRIMARY KEY CHECK (one = 1),"     \
	"secret BLOB NOT NULL);"

/* How the wall clock was set (sqlite_steps.h); some earlier files have it. */
#define SCHEMA_STEPS                                                   \
	"CREATE TABLE IF NOT EXISTS step (number INTEGER PRIMARY KEY," \
	"ms INTEGER NOT NULL, n INTEGER NOT NULL,"                     \
	"by_ms INTEGER NOT NULL);"

#define SCHEMA_NEW_SECRET \
	"INSERT OR REPLACE INTO secret VALUES (1, randomblob(16));"

/*
 * A channel without events has no row.  Its floor is remembered in `forgotten`,
 * which all channels with the same hash share, so that the file does not grow
 * with the names of channels.
 *
 * The events of a channel lie in runs (sqlite_run.h), in order of their last
 * ids.  The channel's row has the figures of all its runs, so that nothing ever
 * has to be counted.  It also has what the channel keeps, since events become
 * too old in a channel that nobody publishes to any more.
 */
static const char schema_text[] =
    "CREATE TABLE channel ("
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "keep INTEGER NOT NULL, keep_bytes INTEGER NOT NULL,"
    "keep_ms INTEGER NOT NULL, events INTEGER NOT NULL,"
    "bytes INTEGER NOT NULL, oldest_ms INTEGER NOT NULL,"
    "floor_ms INTEGER NOT NULL, floor_n INTEGER NOT NULL);"
    "CREATE INDEX channel_oldest ON channel (oldest_ms) WHERE events > 0;"
    "CREATE INDEX channel_due ON channel (oldest_ms + keep_ms)"
    " WHERE events > 0 AND keep_ms > 0;"
    "CREATE TABLE forgotten (slot INTEGER PRIMARY KEY, ms INTEGER NOT NULL,"
    "n INTEGER NOT NULL);" SCHEMA_RUNS "CREATE TABLE own ("
    "channel INTEGER NOT NULL, own_id TEXT NOT NULL, ms INTEGER NOT NULL,"
    "n INTEGER NOT NULL, PRIMARY KEY (channel, own_id, ms, n)) WITHOUT ROWID;"
    "CREATE INDEX own_at ON own (channel, ms, n);" SCHEMA_KEYS SCHEMA_STEPS
    "CREATE TABLE last (one INTEGER PRIMARY KEY CHECK (one = 1),"
    "ms INTEGER NOT NULL, n INTEGER NOT NULL,"
    "floor_ms INTEGER NOT NULL, floor_n INTEGER NOT NULL);";

/*
 * What an upgrade does: where a file is of a version before this one, a table
 * is renamed and a new one takes its place.  Then its rows move, in small
 * transactions, so that no more room is needed than one of these takes; there
 * is a table of the old name until all have.
 *
 * Version 1 had keys that belonged to nobody.  They stay until key-seconds are
 * over, and count for the queue's publishers, on any channel, as they did: an
 * event that was sent before an upgrade may be sent again after it.  Looking
 * for them costs, so only files that were of an earlier version do: key_of_all
 * is there in these.
 */
static const struct {
	sqlite3_int64 version;
	const char *begin, *look, *move, *end;
} schema_upgrades[] = {
	{ 3, "ALTER TABLE run RENAME TO run_before;" SCHEMA_RUNS,
	    "SELECT count(*) FROM (SELECT 1 FROM run_before LIMIT 1)",
	    "BEGIN IMMEDIATE;"
	    "INSERT INTO run SELECT NULL, * FROM run_before"
	    " ORDER BY channel, last_ms, last_n LIMIT 64;"
	    "DELETE FROM run_before WHERE (channel, last_ms, last_n) IN"
	    " (SELECT channel, last_ms, last_n FROM run_before"
	    " ORDER BY channel, last_ms, last_n LIMIT 64);"
	    "COMMIT",
	    "DROP TABLE run_before" },
	{ 4,
	    "ALTER TABLE key RENAME TO key_before;"
	    "CREATE TABLE IF NOT EXISTS key_of_all (one INTEGER);" SCHEMA_KEYS
		SCHEMA_STEPS,
	    "SELECT count(*) FROM (SELECT 1 FROM key_before LIMIT 1)",
	    "BEGIN IMMEDIATE;"
	    "INSERT OR IGNORE INTO key SELECT NULL, key_hash(key), id, at_ms"
	    " FROM key_before ORDER BY at_ms, key LIMIT 256;"
	    "DELETE FROM key_before WHERE key IN"
	    " (SELECT key FROM key_before ORDER BY at_ms, key LIMIT 256);"
	    "COMMIT",
	    "DROP TABLE key_before" },
};

enum {
	SCHEMA_UPGRADES = sizeof schema_upgrades / sizeof *schema_upgrades
};

static int
schema_exec(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

/* The number that a PRAGMA or a query results in, or -1. */
static sqlite3_int64
schema_number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *s = NULL;
	sqlite3_int64 value = -1;

	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

/* Whether there are rows that an upgrade has not moved yet. */
static bool
schema_is_moving(sqlite3 *db)
{
	return schema_number(db,
		   "SELECT count(*) FROM sqlite_master"
		   " WHERE name IN ('run_before', 'key_before')") > 0;
}

enum schema_state
schema_look(sqlite3 *db)
{
	sqlite3_int64 tables, version;

	tables = schema_number(db, "SELECT count(*) FROM sqlite_master");
	if (tables <= 0)
		return tables == 0 ? SCHEMA_NONE : SCHEMA_UNREADABLE;
	if (schema_number(db, "PRAGMA application_id") != SCHEMA_APPLICATION)
		return SCHEMA_FOREIGN;
	version = schema_number(db, "PRAGMA user_version");
	if (version > SCHEMA_VERSION)
		return SCHEMA_LATER;
	if (schema_number(db, "SELECT count(*) FROM last") != 1 ||
	    schema_number(db, "SELECT ifnull(max(id), 0) FROM channel") == -1)
		return SCHEMA_UNREADABLE;
	return version < SCHEMA_VERSION || schema_is_moving(db) ? SCHEMA_EARLIER
								: SCHEMA_NOW;
}

int
schema_make(sqlite3 *db, struct id floor)
{
	char numbers[256];

	snprintf(numbers, sizeof numbers,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d;"
	    "INSERT INTO last VALUES (1, 0, 0, %llu, %llu);" SCHEMA_NEW_SECRET,
	    SCHEMA_APPLICATION, SCHEMA_VERSION, (unsigned long long)floor.ms,
	    (unsigned long long)floor.n);
	if (schema_exec(db,
		"PRAGMA page_size = 4096;"
		"PRAGMA auto_vacuum = INCREMENTAL;"
		"PRAGMA journal_mode = WAL; BEGIN IMMEDIATE") == -1 ||
	    schema_exec(db, schema_text) == -1 ||
	    schema_exec(db, numbers) == -1)
		return -1;
	return schema_exec(db, "COMMIT");
}

/* 1: the secret is there; 0; -1. */
static int
schema_find_secret(sqlite3 *db, uint64_t secret[2])
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (sqlite3_prepare_v2(db, "SELECT secret FROM secret", -1, &s, NULL) !=
	    SQLITE_OK)
		return -1;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == SIPHASH_BYTES) {
		memcpy(secret, sqlite3_column_blob(s, 0), SIPHASH_BYTES);
		rc = 1;
	} else {
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
	}
	sqlite3_finalize(s);
	return rc;
}

int
schema_load_secret(sqlite3 *db, uint64_t secret[2])
{
	int found = schema_find_secret(db, secret);

	if (found == 0 && schema_exec(db, SCHEMA_NEW_SECRET) == 0)
		found = schema_find_secret(db, secret);
	return found == 1 ? 0 : -1;
}

/* The SQL function key_hash, for keys of earlier versions. */
static void
schema_hash_cb(sqlite3_context *context, int count, sqlite3_value **values)
{
	const uint64_t *secret = sqlite3_user_data(context);
	unsigned char hash[SIPHASH_BYTES];
	const char *key = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	if (key == NULL)
		return;
	siphash_128(secret, key, (size_t)sqlite3_value_bytes(values[0]), hash);
	sqlite3_result_blob(context, hash, sizeof hash, SQLITE_TRANSIENT);
}

/* The version comes with the new tables: an older crier leaves these alone. */
static int
schema_begin_upgrade(sqlite3 *db, sqlite3_int64 version)
{
	char number[64];
	size_t i;

	if (schema_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE") == -1)
		return -1;
	for (i = 0; i < SCHEMA_UPGRADES; i++)
		if (version < schema_upgrades[i].version &&
		    schema_exec(db, schema_upgrades[i].begin) == -1)
			return -1;
	snprintf(number, sizeof number, "PRAGMA user_version = %d; COMMIT",
	    SCHEMA_VERSION);
	return schema_exec(db, number);
}

/* Moves the rows of one old table, if it is there. */
static int
schema_move(sqlite3 *db, size_t upgrade)
{
	sqlite3_int64 left;

	while ((left = schema_number(db, schema_upgrades[upgrade].look)) > 0)
		if (schema_exec(db, schema_upgrades[upgrade].move) == -1)
			return -1;
	if (left == 0)
		return schema_exec(db, schema_upgrades[upgrade].end);
	/* There is no such table: it was of this version, or is through. */
	return sqlite3_errcode(db) == SQLITE_ERROR ? 0 : -1;
}

bool
schema_has_old_keys(sqlite3 *db)
{
	return schema_number(db,
		   "SELECT count(*) FROM sqlite_master"
		   " WHERE name = 'key_of_all'") > 0;
}

int
schema_upgrade(sqlite3 *db, uint64_t secret[2])
{
	sqlite3_int64 version = schema_number(db, "PRAGMA user_version");
	size_t i;
	int rc;

	if (version < SCHEMA_VERSION && schema_begin_upgrade(db, version) == -1)
		return -1;
	/* What is not yet on the disk after a loss of power is moved again. */
	schema_exec(db, "PRAGMA synchronous = NORMAL");
	if (schema_load_secret(db, secret) == -1 ||
	    sqlite3_create_function_v2(db, "key_hash", 1, SQLITE_UTF8, secret,
		schema_hash_cb, NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	for (i = 0, rc = 0; rc == 0 && i < SCHEMA_UPGRADES; i++)
		rc = schema_move(db, i);
	return rc;
}
