/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Databases of earlier versions. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "lib/writer_run.h"

/* Makes the file what version 3 of the schema was, but for its number. */
static const char test_schema_3[] =
    "BEGIN; DROP TABLE key; DROP TABLE secret; CREATE TABLE key ("
    "key TEXT PRIMARY KEY, id TEXT NOT NULL, at_ms INTEGER NOT NULL)"
    " WITHOUT ROWID; CREATE INDEX key_at ON key (at_ms);"
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n"
    " WHERE n < 600) INSERT INTO key SELECT char(10, 97, 10) || 'k' || n,"
    " 'id ' || n, 500 + n FROM n; COMMIT;";

/* And what it was before. */
static const char test_schema_2[] =
    "BEGIN; ALTER TABLE run RENAME TO now;"
    "CREATE TABLE run ("
    "channel INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    "last_n INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    "events INTEGER NOT NULL, bytes INTEGER NOT NULL, data BLOB NOT NULL,"
    "PRIMARY KEY (channel, last_ms, last_n)) WITHOUT ROWID;"
    "INSERT INTO run SELECT channel, last_ms, last_n, first_ms, events, bytes,"
    " data FROM now; DROP TABLE now; COMMIT;";

static void
test_exec(const char *text)
{
	if (sqlite3_exec(writer_run.file.db, text, NULL, NULL, NULL) !=
	    SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(writer_run.file.db));
}

static void
test_make_old(int version, const char *more)
{
	char number[64];

	snprintf(number, sizeof number, "PRAGMA user_version = %d", version);
	test_exec(test_schema_3);
	if (version < 3)
		test_exec(test_schema_2);
	test_exec(number);
	test_exec(more);
}

static void
test_reopen(void)
{
	sqlite_file_close(&writer_run.file);
	sqlite_writer_clear(&writer_run);
	assert_int_equal(writer_setup(NULL), 0);
}

enum {
	TEST_OLD_RUNS = 150, /* some steps, and a bit */
	TEST_OLD_KEYS = 600, /* the same */
	TEST_LOG_ROOM = 1 << 20
};

static const struct {
	int version;
	const char *more;
} test_stages[] = { { 1, "" }, { 2, "" }, { 3, "" },
	{ 2,
	    "ALTER TABLE run RENAME TO run_before;"
	    "CREATE TABLE run (body INTEGER PRIMARY KEY,"
	    "channel INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	    "last_n INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
	    "events INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	    "data BLOB NOT NULL);"
	    "CREATE INDEX run_at ON run"
	    " (channel, last_ms, last_n, first_ms, events, bytes);"
	    "INSERT INTO run SELECT NULL, * FROM run_before"
	    " WHERE last_ms < 540;"
	    "DELETE FROM run_before WHERE last_ms < 540;"
	    "PRAGMA user_version = 3" },
	{ 3,
	    "ALTER TABLE key RENAME TO key_before;"
	    "CREATE TABLE IF NOT EXISTS key_of_all (one INTEGER);"
	    "CREATE TABLE key (number INTEGER PRIMARY KEY,"
	    "hash BLOB NOT NULL, id TEXT NOT NULL,"
	    "at_ms INTEGER NOT NULL);"
	    "CREATE UNIQUE INDEX key_hash ON key (hash);"
	    "CREATE TABLE secret (one INTEGER PRIMARY KEY CHECK (one = 1),"
	    "secret BLOB NOT NULL);"
	    "PRAGMA user_version = 4" } };

/*
 * Files of earlier versions keep their runs: all of them, and of an upgrade
 * that was cut short some in the old place and some in the new one.
 */
static void
test_upgrade(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 9999999,
		0 };
	static const char sum[] =
	    "SELECT sum(last_ms * (1 + length(data))) FROM run";
	struct sqlite_options reader = { .is_reader = true };
	struct sqlite_file other;
	char *cause = NULL;
	sqlite3_int64 before;
	uint64_t ms;
	size_t i;

	(void)state;
	for (ms = 500; ms < 500 + TEST_OLD_RUNS; ms++)
		writer_commit(&a, ms, 1 + ms % 9, 300, false);
	before = writer_number(sum);
	for (i = 0; i < sizeof test_stages / sizeof *test_stages; i++) {
		test_make_old(test_stages[i].version, test_stages[i].more);
		/* Half of a history is none: nobody reads in it. */
		assert_int_equal(sqlite_file_open(&other, writer_path, &reader,
				     &cause),
		    SQLITE_UNUSABLE);
		free(cause);
		test_reopen();
		assert_int_equal(writer_number("PRAGMA user_version"), 4);
		assert_int_equal(writer_number("SELECT count(*) FROM run"),
		    TEST_OLD_RUNS);
		assert_int_equal(writer_number(sum), before);
		assert_int_equal(writer_number(writer_wrong), 0);
		assert_int_equal(writer_number("SELECT count(*) FROM key WHERE"
					       " length(hash) = 16"),
		    TEST_OLD_KEYS);
		assert_int_equal(writer_number("SELECT sum(at_ms) FROM key"),
		    TEST_OLD_KEYS * 500 + TEST_OLD_KEYS * 601 / 2);
		assert_int_equal(writer_number("SELECT count(*) FROM"
					       " sqlite_master WHERE name LIKE"
					       " '%_before'"),
		    0);
	}
}

/* An upgrade that finds no room is tried again, and goes on where it was. */
static void
test_upgrade_without_room(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 9999999,
		0 };
	struct sqlite_options options = { .durability = STORE_NONE };
	struct rlimit all, some;
	char *cause = NULL;
	uint64_t ms;
	int left;

	(void)state;
	for (ms = 500; ms < 500 + TEST_OLD_RUNS; ms++)
		writer_commit(&a, ms, 9, 1000, false);
	test_make_old(2, "");
	sqlite_file_close(&writer_run.file);
	sqlite_writer_clear(&writer_run);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	some = all;
	/* The log has room for one step, and not for two. */
	some.rlim_cur = TEST_LOG_ROOM;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
	left =
	    sqlite_file_open(&writer_run.file, writer_path, &options, &cause);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(left, SQLITE_LATER);
	assert_non_null(cause);
	free(cause);
	assert_int_equal(writer_setup(NULL), 0);
	assert_int_equal(writer_number("SELECT count(*) FROM run"),
	    TEST_OLD_RUNS);
	assert_int_equal(writer_number(writer_wrong), 0);
}

/*
 * A file of version 1, whose keys belong to nobody: they count for the queue's
 * events on any channel, and for no route's.  Those of later ones stay as they
 * are.
 */
static const struct test_old_key {
	const char *key, *first_id; /* NULL: the key is new */
} test_old_keys[] = {
	{ "\na\norder-17", "first" },
	{ "\na\nk1", "id 1" },
	{ "\na\nk600", "id 600" },
	{ "\nb\nk600", NULL },
	{ "\na\nk601", NULL },
	{ "\nother\norder-17", "first" },
	{ "\na\nb\norder-17", "first" },
	{ "POST /say/{room}\na\norder-17", NULL },
	{ "\na\norder-18", NULL },
	{ "\norder-17\nx", NULL },
};

static void
test_old_keys_count(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9, 9999, 0 };
	const struct test_old_key *t;
	struct batch_event e;
	struct batch *b;
	size_t i;

	(void)state;
	test_make_old(1, "INSERT INTO key VALUES ('order-17', 'first', 500);");
	test_reopen();
	assert_int_equal(writer_number("PRAGMA user_version"), 4);
	for (i = 0; i < sizeof test_old_keys / sizeof *test_old_keys; i++) {
		t = &test_old_keys[i];
		memset(&e, 0, sizeof e);
		assert_non_null(b = batch_new());
		e.id.ms = 600 + i;
		e.channel_count = 1;
		e.key_len = strlen(t->key);
		buffer_append(&b->bytes, t->key, e.key_len);
		e.record_off = b->bytes.len;
		buffer_append_text(&b->bytes, "id: 1\n\n");
		e.record_len = b->bytes.len - e.record_off;
		assert_int_equal(batch_reserve(b, 1), 0);
		batch_add_channel(b, &a);
		batch_add_event(b, &e);
		assert_int_equal(sqlite_writer_commit(&writer_run, b, NULL), 0);
		assert_int_equal(b->events[0].outcome == BATCH_DUPLICATE,
		    t->first_id != NULL);
		if (t->first_id != NULL)
			assert_string_equal(b->events[0].first_id, t->first_id);
		batch_free(b);
	}
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, writer_setup, writer_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_upgrade),
		TEST(test_upgrade_without_room),
		TEST(test_old_keys_count),
	};

	return cmocka_run_group_tests_name("sqlite upgrade", tests,
	    writer_group_setup, writer_group_teardown);
}
