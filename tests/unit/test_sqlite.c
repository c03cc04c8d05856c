/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/sqlite_run.h"
#include "store/sqlite_writer.h"

/* The writer without its thread: commits, and the steps of retention. */

enum {
	SQLITE_STEPS_MAX = 1000, /* more steps than anything here takes */
	SQLITE_STEP_BYTES = 33 * RUN_MAX_BYTES,
	SQLITE_STEP_RUNS = 32
};

static char test_dir[] = "/tmp/crier-sqlite-XXXXXX";
static char test_path[64];
static struct sqlite_writer test_writer;

static int
test_setup(void **state)
{
	static const struct sqlite_options options = { .durability =
							   STORE_NONE };
	char *cause;

	(void)state;
	sqlite_writer_init(&test_writer);
	if (sqlite_file_open(&test_writer.file, test_path, &options, &cause) ==
	    SQLITE_OPENED)
		return 0;
	print_error("%s\n", cause);
	return -1;
}

static int
test_teardown(void **state)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char path[80];
	size_t i;

	(void)state;
	sqlite_file_close(&test_writer.file);
	sqlite_writer_clear(&test_writer);
	for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(path, sizeof path, "%s%s", test_path, parts[i]);
		unlink(path);
	}
	return 0;
}

static sqlite3_int64
test_number(const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3_int64 n;

	assert_int_equal(sqlite3_prepare_v2(test_writer.file.db, sql, -1, &s,
			     NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* A run that is empty, or a channel's row that does not tell what its runs do.
 */
static const char test_wrong[] =
    "SELECT count(*) FROM channel AS c WHERE events <>"
    " (SELECT ifnull(sum(events), 0) FROM run WHERE channel = c.id)"
    " OR bytes <>"
    " (SELECT ifnull(sum(bytes), 0) FROM run WHERE channel = c.id)"
    " OR oldest_ms <>"
    " (SELECT ifnull(min(first_ms), 0) FROM run WHERE channel = c.id)";

static void
test_check_sums(void)
{
	assert_int_equal(test_number("SELECT ifnull(sum(events), 0) FROM run"),
	    test_writer.events);
	assert_int_equal(test_number("SELECT ifnull(sum(bytes), 0) FROM run"),
	    test_writer.bytes);
	assert_int_equal(test_number("SELECT count(*) FROM channel"),
	    test_writer.channel_count);
	assert_int_equal(
	    test_number("SELECT count(*) FROM run WHERE events < 1"), 0);
	assert_int_equal(test_number(test_wrong), 0);
}

/* So many events of one time, with records of so many bytes, and keys. */
static void
test_commit(const struct batch_channel *c, uint64_t ms, size_t count,
    size_t bytes, bool with_keys)
{
	struct batch *b = batch_new();
	struct batch_event e = { .id = { ms, 0 }, .channel_count = 1 };
	char *to;

	for (; e.id.n < count; e.id.n++) {
		assert_int_equal(batch_reserve(b, 1), 0);
		e.record_off = b->bytes.len;
		e.record_len = bytes;
		e.channel_first = b->channel_count;
		assert_non_null(to = buffer_reserve(&b->bytes, bytes));
		memset(to, '\n', bytes); /* an id that ends */
		buffer_commit(&b->bytes, bytes);
		e.key_off = b->bytes.len;
		if (with_keys)
			assert_int_equal(buffer_printf(&b->bytes, "%d/%d",
					     (int)ms, (int)e.id.n),
			    0);
		e.key_len = b->bytes.len - e.key_off;
		batch_add_channel(b, c);
		batch_add_event(b, &e);
	}
	b->wall_ms = ms;
	assert_int_equal(sqlite_writer_commit(&test_writer, b, NULL), 0);
	batch_free(b);
}

/* Steps until nothing is left to do: how many; each is small. */
static int
test_trim(uint64_t wall_ms, uint64_t keys_before_ms)
{
	struct store_bounds bounds = { wall_ms - keys_before_ms, 1000000, 0 };
	uint64_t before;
	int steps, more = 1;

	for (steps = 0; more == 1; steps++) {
		before = test_writer.bytes;
		more = sqlite_writer_trim(&test_writer, wall_ms, &bounds);
		assert_true(before - test_writer.bytes <= SQLITE_STEP_BYTES);
		if (steps == SQLITE_STEPS_MAX)
			fail_msg("it never ends");
	}
	assert_int_equal(more, 0);
	test_check_sums();
	return steps;
}

static void
test_schema(void **state)
{
	(void)state;
	assert_int_equal(test_number("PRAGMA user_version"), 3);
	assert_int_equal(test_number("PRAGMA application_id"), 0x63726965);
	assert_int_equal(test_number("PRAGMA auto_vacuum"), 2);
	assert_int_equal(test_number("SELECT count(*) FROM last"), 1);
	assert_int_equal(test_number("SELECT count(*) FROM pragma_journal_mode"
				     " WHERE journal_mode = 'wal'"),
	    1);
}

static void
test_nothing(void **state)
{
	(void)state;
	assert_int_equal(test_trim(1000, 1000), 1);
	test_check_sums();
}

/* By number: those at the limit stay, wherever in a run they are. */
static void
test_count(void **state)
{
	static const struct batch_channel c = { NULL, "a", 1, 10, 1000000, 0 };

	(void)state;
	test_commit(&c, 5, 10, 20, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 10);
	test_commit(&c, 6, 1, 20, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 10);
	assert_int_equal(test_number("SELECT floor_ms FROM channel"), 5);
	assert_int_equal(test_number("SELECT floor_n FROM channel"), 0);
	test_commit(&c, 7, 5000, 20, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 10);
	assert_int_equal(test_number("SELECT floor_ms FROM channel"), 7);
	assert_int_equal(test_number("SELECT floor_n FROM channel"), 4989);
	test_commit(&c, 8, 10, 20, false);
	test_trim(1000, 0);
	assert_int_equal(test_number("SELECT count(*) FROM run"), 1);
	assert_int_equal(test_number("SELECT floor_n FROM channel"), 4999);
}

/* By bytes: as many of the newest as fit; what is larger than all, too, goes.
 */
static void
test_bytes(void **state)
{
	static const struct batch_channel c = { NULL, "a", 1, 1000, 1000, 0 };

	(void)state;
	test_commit(&c, 5, 10, 100, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 10);
	test_commit(&c, 6, 1, 101, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 9);
	assert_int_equal(test_writer.bytes, 901);
	/* All of the run before, but none of the one behind. */
	test_commit(&c, 7, 2, 480, false);
	test_trim(1000, 0);
	assert_int_equal(test_writer.events, 2);
	assert_int_equal(test_writer.bytes, 960);
	test_commit(&c, 8, 1, 1001, false);
	test_trim(1000, 0);
	assert_true(test_writer.events <= 1);
}

/* By age, also of channels that nobody publishes to any more. */
static void
test_age(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9, 9999, 100 };
	static const struct batch_channel b = { NULL, "b", 1, 9, 9999, 0 };

	(void)state;
	test_commit(&a, 500, 3, 20, false);
	test_commit(&b, 500, 3, 20, false);
	test_commit(&a, 520, 1, 20, false);
	sqlite_writer_forget(&test_writer);
	test_trim(600, 0);
	assert_int_equal(test_writer.events, 7);
	test_trim(601, 0);
	assert_int_equal(test_writer.events, 4);
	assert_int_equal(
	    test_number("SELECT oldest_ms FROM channel WHERE name = 'a'"), 520);
	test_trim(10000, 0);
	assert_int_equal(test_writer.events, 3);
	/* Nothing is left of it, but what it has forgotten. */
	assert_int_equal(
	    test_number("SELECT count(*) FROM channel WHERE name = 'a'"), 0);
	assert_int_equal(test_number("SELECT ms FROM forgotten"), 520);
	test_commit(&a, 20000, 1, 20, false);
	assert_int_equal(test_writer.events, 4);
	test_check_sums();
}

/* As many as one step takes are old, and one is not: then that is all. */
static void
test_age_whole_step(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 999999,
		100 };
	uint64_t ms;

	(void)state;
	for (ms = 500; ms < 500 + SQLITE_STEP_RUNS; ms++)
		test_commit(&a, ms, 2, 20, false);
	test_commit(&a, 590, 1, 20, false);
	assert_true(test_trim(650, 0) < 10);
	assert_int_equal(test_writer.events, 1);
}

/* Age and bytes together must not chase each other. */
static void
test_age_and_bytes(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 150, 100 };

	(void)state;
	test_commit(&a, 500, 5, 20, false);
	test_commit(&a, 590, 1, 140, false);
	test_trim(595, 0);
	assert_int_equal(test_writer.events, 1);
	assert_true(test_trim(650, 0) < 10);
	assert_int_equal(test_writer.events, 1);
	test_trim(691, 0);
	assert_int_equal(test_writer.events, 0);
}

static void
test_keys(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 999999, 0 };

	(void)state;
	test_commit(&a, 500, 1200, 20, true);
	test_commit(&a, 501, 10, 20, true);
	test_trim(600, 500);
	assert_int_equal(test_number("SELECT count(*) FROM key"), 1210);
	test_trim(600, 501);
	assert_int_equal(test_number("SELECT count(*) FROM key"), 10);
	assert_int_equal(test_writer.events, 1210);
}

/* Makes the file what version 2 of the schema was, but for its number. */
static const char test_old_schema[] =
    "BEGIN; ALTER TABLE run RENAME TO now;"
    "CREATE TABLE run ("
    "channel INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
    "last_n INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    "events INTEGER NOT NULL, bytes INTEGER NOT NULL, data BLOB NOT NULL,"
    "PRIMARY KEY (channel, last_ms, last_n)) WITHOUT ROWID;"
    "INSERT INTO run SELECT channel, last_ms, last_n, first_ms, events, bytes,"
    " data FROM now; DROP TABLE now; COMMIT;";

static void
test_make_old(const char *more)
{
	assert_int_equal(sqlite3_exec(test_writer.file.db, test_old_schema,
			     NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_exec(test_writer.file.db, more, NULL, NULL,
			     NULL),
	    SQLITE_OK);
}

static void
test_reopen(void)
{
	sqlite_file_close(&test_writer.file);
	sqlite_writer_clear(&test_writer);
	assert_int_equal(test_setup(NULL), 0);
}

enum {
	TEST_OLD_RUNS = 150, /* some steps, and a bit */
	TEST_LOG_ROOM = 1 << 20
};

/*
 * Files of earlier versions keep their runs: all of them, and of an upgrade
 * that was cut short some in the old place and some in the new one.
 */
static void
test_upgrade(void **state)
{
	static const char *const stages[] = { "PRAGMA user_version = 1",
		"PRAGMA user_version = 2",
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
		"DELETE FROM run_before WHERE last_ms < 540;" };
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
		test_commit(&a, ms, 1 + ms % 9, 300, false);
	before = test_number(sum);
	for (i = 0; i < sizeof stages / sizeof *stages; i++) {
		test_make_old(stages[i]);
		/* Half of a history is none: nobody reads in it. */
		assert_int_equal(sqlite_file_open(&other, test_path, &reader,
				     &cause),
		    SQLITE_UNUSABLE);
		free(cause);
		test_reopen();
		assert_int_equal(test_number("PRAGMA user_version"), 3);
		assert_int_equal(test_number("SELECT count(*) FROM run"),
		    TEST_OLD_RUNS);
		assert_int_equal(test_number(sum), before);
		assert_int_equal(test_number(test_wrong), 0);
		assert_int_equal(test_number("SELECT count(*) FROM"
					     " sqlite_master WHERE name ="
					     " 'run_before'"),
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
		test_commit(&a, ms, 9, 1000, false);
	test_make_old("PRAGMA user_version = 2");
	sqlite_file_close(&test_writer.file);
	sqlite_writer_clear(&test_writer);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	some = all;
	/* The log has room for one step, and not for two. */
	some.rlim_cur = TEST_LOG_ROOM;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
	left = sqlite_file_open(&test_writer.file, test_path, &options, &cause);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(left, SQLITE_LATER);
	assert_non_null(cause);
	free(cause);
	assert_int_equal(test_setup(NULL), 0);
	assert_int_equal(test_number("SELECT count(*) FROM run"),
	    TEST_OLD_RUNS);
	assert_int_equal(test_number(test_wrong), 0);
}

/*
 * A file of version 1, whose keys belong to nobody: they count for the queue's
 * events on any channel, and for no route's.
 */
static const struct test_old_key {
	const char *key;
	bool is_known;
} test_old_keys[] = {
	{ "\na\norder-17", true },
	{ "\nother\norder-17", true },
	{ "\na\nb\norder-17", true },
	{ "POST /say/{room}\na\norder-17", false },
	{ "\na\norder-18", false },
	{ "\norder-17\nx", false },
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
	test_make_old("INSERT INTO key VALUES ('order-17', 'first', 500);"
		      "PRAGMA user_version = 1");
	test_reopen();
	assert_int_equal(test_number("PRAGMA user_version"), 3);
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
		assert_int_equal(sqlite_writer_commit(&test_writer, b, NULL),
		    0);
		assert_int_equal(b->events[0].outcome == BATCH_DUPLICATE,
		    t->is_known);
		if (t->is_known)
			assert_string_equal(b->events[0].first_id, "first");
		batch_free(b);
	}
}

/* What is free is given back, but for some that is used again. */
static void
test_pages(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 10, 9999999, 0 };
	sqlite3_int64 pages;

	(void)state;
	test_commit(&a, 500, 10000, 1000, false);
	pages = test_number("PRAGMA page_count");
	assert_true(pages > 2500);
	test_trim(600, 0);
	assert_int_equal(test_writer.events, 10);
	assert_true(test_number("PRAGMA page_count") < pages / 2);
	assert_true(test_number("PRAGMA freelist_count") <= 1024);
	assert_int_equal(test_number("SELECT count(*) FROM"
				     " pragma_quick_check"
				     " WHERE quick_check = 'ok'"),
	    1);
}

static int
test_group_setup(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_path, sizeof test_path, "%s/h.db", test_dir);
	return 0;
}

static int
test_group_teardown(void **state)
{
	(void)state;
	return rmdir(test_dir);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_schema),
		TEST(test_nothing),
		TEST(test_count),
		TEST(test_bytes),
		TEST(test_age),
		TEST(test_age_whole_step),
		TEST(test_age_and_bytes),
		TEST(test_keys),
		TEST(test_upgrade),
		TEST(test_upgrade_without_room),
		TEST(test_old_keys_count),
		TEST(test_pages),
	};

	return cmocka_run_group_tests_name("sqlite", tests, test_group_setup,
	    test_group_teardown);
}
