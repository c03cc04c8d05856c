/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/writer_run.h"
#include "store/sqlite_run.h"

/* What the writer keeps, and what goes. */

enum {
	SQLITE_STEP_RUNS = 32,
	TEST_CHANNELS = 100
};

static void
test_schema(void **state)
{
	(void)state;
	assert_int_equal(writer_number("PRAGMA user_version"), 4);
	assert_int_equal(writer_number("PRAGMA application_id"), 0x63726965);
	assert_int_equal(writer_number("PRAGMA auto_vacuum"), 2);
	assert_int_equal(writer_number("SELECT count(*) FROM last"), 1);
	assert_int_equal(
	    writer_number("SELECT count(*) FROM pragma_journal_mode"
			  " WHERE journal_mode = 'wal'"),
	    1);
}

static void
test_nothing(void **state)
{
	(void)state;
	assert_int_equal(writer_trim(1000, 1000), 1);
	writer_check_sums();
}

/* By number: those at the limit stay, wherever in a run they are. */
static void
test_count(void **state)
{
	static const struct batch_channel c = { NULL, "a", 1, 10, 1000000, 0 };

	(void)state;
	writer_commit(&c, 5, 10, 20, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 10);
	writer_commit(&c, 6, 1, 20, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 10);
	assert_int_equal(writer_number("SELECT floor_ms FROM channel"), 5);
	assert_int_equal(writer_number("SELECT floor_n FROM channel"), 0);
	writer_commit(&c, 7, 5000, 20, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 10);
	assert_int_equal(writer_number("SELECT floor_ms FROM channel"), 7);
	assert_int_equal(writer_number("SELECT floor_n FROM channel"), 4989);
	writer_commit(&c, 8, 10, 20, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_number("SELECT count(*) FROM run"), 1);
	assert_int_equal(writer_number("SELECT floor_n FROM channel"), 4999);
}

/* By bytes: as many of the newest as fit; what is larger than all, too, goes.
 */
static void
test_bytes(void **state)
{
	static const struct batch_channel c = { NULL, "a", 1, 1000, 1000, 0 };

	(void)state;
	writer_commit(&c, 5, 10, 100, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 10);
	writer_commit(&c, 6, 1, 101, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 9);
	assert_int_equal(writer_run.bytes, 901);
	/* All of the run before, but none of the one behind. */
	writer_commit(&c, 7, 2, 480, false);
	writer_trim(1000, 0);
	assert_int_equal(writer_run.events, 2);
	assert_int_equal(writer_run.bytes, 960);
	writer_commit(&c, 8, 1, 1001, false);
	writer_trim(1000, 0);
	assert_true(writer_run.events <= 1);
}

/* By age, also of channels that nobody publishes to any more. */
static void
test_age(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9, 9999, 100 };
	static const struct batch_channel b = { NULL, "b", 1, 9, 9999, 0 };

	(void)state;
	writer_commit(&a, 500, 3, 20, false);
	writer_commit(&b, 500, 3, 20, false);
	writer_commit(&a, 520, 1, 20, false);
	sqlite_writer_forget(&writer_run);
	writer_trim(600, 0);
	assert_int_equal(writer_run.events, 7);
	writer_trim(601, 0);
	assert_int_equal(writer_run.events, 4);
	assert_int_equal(
	    writer_number("SELECT oldest_ms FROM channel WHERE name = 'a'"),
	    520);
	writer_trim(10000, 0);
	assert_int_equal(writer_run.events, 3);
	/* Nothing is left of it, but what it has forgotten. */
	assert_int_equal(
	    writer_number("SELECT count(*) FROM channel WHERE name = 'a'"), 0);
	assert_int_equal(writer_number("SELECT ms FROM forgotten"), 520);
	writer_commit(&a, 20000, 1, 20, false);
	assert_int_equal(writer_run.events, 4);
	writer_check_sums();
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
		writer_commit(&a, ms, 2, 20, false);
	writer_commit(&a, 590, 1, 20, false);
	assert_true(writer_trim(650, 0) < 10);
	assert_int_equal(writer_run.events, 1);
}

/* Age and bytes together must not chase each other. */
static void
test_age_and_bytes(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 150, 100 };

	(void)state;
	writer_commit(&a, 500, 5, 20, false);
	writer_commit(&a, 590, 1, 140, false);
	writer_trim(595, 0);
	assert_int_equal(writer_run.events, 1);
	assert_true(writer_trim(650, 0) < 10);
	assert_int_equal(writer_run.events, 1);
	writer_trim(691, 0);
	assert_int_equal(writer_run.events, 0);
}

static void
test_keys(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 999999, 0 };

	(void)state;
	writer_commit(&a, 500, 1200, 20, true);
	writer_commit(&a, 501, 10, 20, true);
	writer_trim(600, 500);
	assert_int_equal(writer_number("SELECT count(*) FROM key"), 1210);
	writer_trim(600, 501);
	assert_int_equal(writer_number("SELECT count(*) FROM key"), 10);
	assert_int_equal(writer_run.events, 1210);
}

enum {
	TEST_GONE = 1000 /* channels */
};

/* Channels that had an event each, and have none any more. */
static void
test_make_forgotten(void)
{
	struct batch_channel c = { NULL, NULL, 0, 9, 9999, 1 };
	char name[16];
	uint64_t ms;

	for (ms = 500; ms < 500 + TEST_GONE; ms++) {
		c.name_len = (size_t)snprintf(name, sizeof name, "c%llu",
		    (unsigned long long)ms);
		c.name = name;
		writer_commit(&c, ms, 1, 10, false);
	}
	writer_trim(5000, 0);
	assert_int_equal(writer_run.events, 0);
}

/*
 * What is remembered of channels without events has its share of store-bytes:
 * below, at and above it.  What goes is in the floor of the file.
 */
static void
test_forgotten(void **state)
{
	static const char count[] = "SELECT count(*) FROM forgotten";
	struct store_bounds bounds = { .key_ms = 0, .keys = 1000 };
	sqlite3_int64 rows;
	uint64_t share = 8 * (uint64_t)24;

	(void)state;
	test_make_forgotten();
	rows = writer_number(count);
	assert_in_range(rows, TEST_GONE * 9 / 10, TEST_GONE);
	assert_true(writer_run.forgotten >= (uint64_t)rows);
	bounds.bytes = 0;
	writer_settle(5000, &bounds);
	bounds.bytes = share * (uint64_t)(rows + 1);
	writer_settle(5000, &bounds);
	bounds.bytes = share * (uint64_t)rows;
	writer_settle(5000, &bounds);
	assert_int_equal(writer_number(count), rows);
	assert_int_equal(writer_number("SELECT floor_ms FROM last"), 0);
	bounds.bytes = share * (uint64_t)(rows - 1);
	writer_settle(5000, &bounds);
	assert_in_range(writer_number(count), rows / 2 - 1, rows / 2);
	assert_int_equal(writer_run.forgotten, writer_number(count));
	assert_true(writer_number("SELECT floor_ms FROM last") >=
	    500 + TEST_GONE / 2 - TEST_GONE / 10);
	assert_int_equal(writer_number("SELECT count(*) FROM forgotten, last"
				       " WHERE forgotten.ms <= floor_ms"),
	    0);
	/* All of them go where there is no room for any. */
	bounds.bytes = 1;
	writer_settle(5000, &bounds);
	assert_int_equal(writer_number(count), 0);
	assert_int_equal(writer_number("SELECT floor_ms FROM last"),
	    500 + TEST_GONE - 1);
}

/* What is free is given back, but for some that is used again. */
static void
test_pages(void **state)
{
	static const struct batch_channel a = { NULL, "a", 1, 10, 9999999, 0 };
	sqlite3_int64 pages;

	(void)state;
	writer_commit(&a, 500, 10000, 1000, false);
	pages = writer_number("PRAGMA page_count");
	assert_true(pages > 2500);
	writer_trim(600, 0);
	assert_int_equal(writer_run.events, 10);
	assert_true(writer_number("PRAGMA page_count") < pages / 2);
	assert_true(writer_number("PRAGMA freelist_count") <= 1024);
	assert_int_equal(writer_number("SELECT count(*) FROM"
				       " pragma_quick_check"
				       " WHERE quick_check = 'ok'"),
	    1);
}

/* One commit that brings a run to each of so many channels. */
static void
test_round(uint64_t ms, size_t record_len)
{
	struct batch *b = batch_new();
	struct batch_event e = {
		.id = { ms, 0 }, .channel_count = 1, .record_len = record_len
	};
	char names[TEST_CHANNELS][8], *to;
	struct batch_channel c = { NULL, NULL, 0, 1000, 9999999, 0 };

	for (; e.id.n < TEST_CHANNELS; e.id.n++) {
		assert_int_equal(batch_reserve(b, 1), 0);
		e.record_off = b->bytes.len;
		e.channel_first = b->channel_count;
		assert_non_null(to = buffer_reserve(&b->bytes, record_len));
		memset(to, '\n', record_len);
		buffer_commit(&b->bytes, record_len);
		c.name = names[e.id.n];
		c.name_len = (size_t)snprintf(names[e.id.n], sizeof names[0],
		    "%d", (int)e.id.n);
		batch_add_channel(b, &c);
		batch_add_event(b, &e);
	}
	b->wall_ms = ms;
	assert_int_equal(sqlite_writer_commit(&writer_run, b, NULL), 0);
	batch_free(b);
}

/* A run that has a page for itself does not move its neighbours. */
static void
test_large_runs(void **state)
{
	int pages, most;
	uint64_t ms;

	(void)state;
	for (ms = 500; ms < 505; ms++)
		test_round(ms, 3500);
	sqlite3_db_status(writer_run.file.db, SQLITE_DBSTATUS_CACHE_WRITE,
	    &pages, &most, 1);
	test_round(ms, 3500);
	sqlite3_db_status(writer_run.file.db, SQLITE_DBSTATUS_CACHE_WRITE,
	    &pages, &most, 0);
	assert_in_range(pages, TEST_CHANNELS, TEST_CHANNELS * 2);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, writer_setup, writer_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_schema),
		TEST(test_nothing),
		TEST(test_count),
		TEST(test_bytes),
		TEST(test_age),
		TEST(test_age_whole_step),
		TEST(test_age_and_bytes),
		TEST(test_keys),
		TEST(test_forgotten),
		TEST(test_pages),
		TEST(test_large_runs),
	};

	return cmocka_run_group_tests_name("sqlite", tests, writer_group_setup,
	    writer_group_teardown);
}
