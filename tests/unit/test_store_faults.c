/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/log.h"
#include "lib/store_run.h"

/* The store when its file is not what it should be, and what it promises. */

enum {
	FAULT_BATCHES = 300,
	TEST_SOUND_BYTES =
	    16 * 4096 /* the schema and the roots of its tables */
};

static atomic_uint test_syncs;

/* SQLite's, for those of this program stand before those of the C library. */
int
fsync(int fd)
{
	test_syncs++;
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fildes)
{
	test_syncs++;
	return (int)syscall(SYS_fdatasync, fildes);
}

static int
test_setup(void **state)
{
	*state = store_run_start();
	return 0;
}

static int
test_teardown(void **state)
{
	store_run_stop(*state);
	return 0;
}

static enum batch_outcome
test_put(struct store_run *run, uint64_t ms, const char *key)
{
	const struct store_run_event e = {
		.ms = ms, .channels = "a", .key = key
	};

	return store_run_put(run, &e);
}

static const char *
test_ids(struct store_run *run)
{
	struct store_read r;

	store_run_ask(run, &r, "a", 0, 0);
	return store_run_ids(run, &r);
}

static void
test_open_is_refused(struct store_run *run, const char *why)
{
	char *cause;

	cause = store_run_fail(run);
	assert_non_null(strstr(cause, run->path));
	assert_non_null(strstr(cause, why));
	free(cause);
	assert_int_equal(store_run_count_files(run, "damaged"), 0);
}

/* A newer version is left alone, and good again for those who know it. */
static void
test_newer(void **state)
{
	struct store_run *run = *state;

	test_put(run, 1, NULL);
	store_run_close(run);
	store_run_sql(run, "PRAGMA user_version = 5");
	test_open_is_refused(run, "newer");
	store_run_sql(run, "PRAGMA user_version = 4");
	store_run_open(run);
	assert_string_equal(test_ids(run), "1-0 .");
}

static void
test_first_page(const struct store_run *run, char page[4096])
{
	int fd = open(run->path, O_RDONLY);

	assert_int_equal(read(fd, page, 4096), 4096);
	close(fd);
}

/* Nor is another program's database touched. */
static void
test_foreign(void **state)
{
	char before[4096], after[4096];
	struct store_run *run = *state;

	store_run_close(run);
	assert_int_equal(unlink(run->path), 0);
	store_run_sql(run, "CREATE TABLE wine (year INTEGER)");
	test_first_page(run, before);
	test_open_is_refused(run, "not crier's");
	test_first_page(run, after);
	assert_memory_equal(before, after, sizeof before);
	assert_int_equal(store_run_count_files(run, ""), 1);
	run->options.url = "sqlite:/nonexistent/h.db";
	free(store_run_fail(run));
	run->options.url = "sqlite:/tmp";
	free(store_run_fail(run));
	run->options.url = "redis+sentinel://x";
	free(store_run_fail(run));
}

static void
test_spoil(const struct store_run *run, off_t from, off_t to)
{
	char garbage[4096];
	int fd = open(run->path, O_WRONLY);

	memset(garbage, 0xa5, sizeof garbage);
	assert_true(fd != -1);
	for (; from < to; from += (off_t)sizeof garbage)
		assert_int_equal(pwrite(fd, garbage, sizeof garbage, from),
		    sizeof garbage);
	close(fd);
}

/* A new file does not claim to have all that there ever was. */
static void
test_check_gap(struct store_run *run, uint64_t ms)
{
	struct store_read r;

	store_run_ask(run, &r, "a,never", ms, 0);
	store_run_read(run, &r);
	assert_true(r.ranges[0].floor.ms >= ms);
	assert_true(r.ranges[1].floor.ms >= ms);
}

/* What is no database goes aside, and an empty one takes its place. */
static void
test_not_a_database(void **state)
{
	struct store_run *run = *state;

	test_put(run, 1, NULL);
	store_run_close(run);
	test_spoil(run, 0, 8192);
	store_run_open(run);
	assert_int_equal(store_run_count_files(run, "h.db.damaged-"), 1);
	assert_string_equal(test_ids(run), ".");
	assert_int_equal(store_run_status(run, "events"), 0);
	assert_int_equal(test_put(run, 2, NULL), BATCH_ACCEPTED);
	assert_string_equal(test_ids(run), "2-0 .");
	test_check_gap(run, 1);
	/* An empty file is nothing bad. */
	store_run_close(run);
	assert_int_equal(truncate(run->path, 0), 0);
	store_run_open(run);
	assert_int_equal(store_run_count_files(run, "h.db.damaged-"), 1);
	assert_string_equal(test_ids(run), ".");
}

/*
 * Damage that shows only when something is written: the batch that meets it is
 * stored in the new file, and what is read next comes from there.
 */
static void
test_damaged_later(void **state)
{
	struct store_run *run = *state;
	struct stat st;

	store_run_put_many(run, "a", 1, 2000, 100);
	assert_int_equal(test_put(run, 2, "k"), BATCH_ACCEPTED);
	store_run_close(run);
	assert_int_equal(stat(run->path, &st), 0);
	test_spoil(run, TEST_SOUND_BYTES, st.st_size);
	store_run_open(run);
	assert_int_equal(store_run_count_files(run, "damaged"), 0);
	assert_int_equal(test_put(run, 3, "k2"), BATCH_ACCEPTED);
	assert_true(store_run_count_files(run, "h.db.damaged-") > 0);
	assert_string_equal(test_ids(run), "3-0 .");
	test_check_gap(run, 2);
	assert_int_equal(test_put(run, 4, "k2"), BATCH_DUPLICATE);
	assert_string_equal(store_run_status_text(run, "degraded"), "false");
}

/* The disk is full: a file may not grow. */
static void
test_limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What a retry of an event that came while the disk was full meets. */
static void
test_full(struct store_run *run, enum batch_outcome want,
    enum batch_outcome want_again, const char *ids)
{
	enum batch_outcome outcome;

	test_put(run, 1, NULL);
	test_limit_files(4096);
	outcome = test_put(run, 2, "k");
	test_limit_files(0);
	assert_int_equal(outcome, want);
	assert_string_equal(store_run_status_text(run, "degraded"), "true");
	assert_true(store_run_status(run, "errors") > 0);
	assert_string_not_equal(store_run_status_text(run, "last_error"), "");
	assert_string_equal(test_ids(run), "1-0 .");
	assert_int_equal(store_run_status(run, "events"), 1);
	/* And it is over by itself. */
	assert_int_equal(test_put(run, 3, "k"), want_again);
	assert_int_equal(test_put(run, 4, "k4"), BATCH_ACCEPTED);
	assert_string_equal(store_run_status_text(run, "degraded"), "false");
	assert_string_equal(test_ids(run), ids);
	store_run_close(run);
	store_run_open(run);
	assert_string_equal(test_ids(run), ids);
}

static void
test_full_refused(void **state)
{
	test_full(*state, BATCH_REFUSED, BATCH_ACCEPTED, "1-0 3-0 4-0 .");
}

static void
test_full_in_memory(void **state)
{
	struct store_run *run = *state;

	store_run_close(run);
	run->options.keep_in_memory = true;
	store_run_open(run);
	test_full(run, BATCH_ACCEPTED, BATCH_DUPLICATE, "1-0 4-0 .");
}

/* Whoever resumes from before what was kept in memory alone is told so. */
static void
test_full_is_a_gap(void **state)
{
	struct store_run *run = *state;
	uint64_t ms = run->wall_ms + 100000;
	struct store_read r;
	int i;

	store_run_close(run);
	run->options.keep_in_memory = true;
	store_run_open(run);
	test_put(run, ms, NULL);
	test_limit_files(4096);
	assert_int_equal(test_put(run, ms + 1, NULL), BATCH_ACCEPTED);
	test_limit_files(0);
	test_put(run, ms + 2, NULL);
	for (i = 0; i < 2; i++) {
		store_run_ask(run, &r, "a,never", ms, 0);
		store_run_read(run, &r);
		assert_int_equal(r.events, 1);
		assert_int_equal(r.ranges[0].floor.ms, ms + 1);
		assert_int_equal(r.ranges[1].floor.ms, ms + 1);
		store_run_close(run);
		store_run_open(run);
	}
}

/* Keys in memory have the bounds of those in a file, also where there is none.
 */
static void
test_no_file_keys(void **state)
{
	enum {
		KEYS = 50,
		MAX = 10
	};
	struct store_run *run = *state;
	char key[16];
	uint64_t i;

	store_run_close(run);
	assert_int_equal(unlink(run->path), 0);
	run->options.keep_in_memory = true;
	run->options.bounds.keys = MAX;
	run->options.bounds.key_ms = UINT64_MAX;
	test_limit_files(4096);
	store_run_open(run);
	for (i = 0; i < KEYS; i++) {
		snprintf(key, sizeof key, "k%u", (unsigned)i);
		assert_int_equal(test_put(run, i + 1, key), BATCH_ACCEPTED);
	}
	assert_int_equal(test_put(run, i + 1, "k0"), BATCH_ACCEPTED);
	assert_int_equal(test_put(run, i + 2, key), BATCH_DUPLICATE);
	/* Events of these tests are of the first moment: any is too old. */
	run->store->ops->configure(run->store,
	    &(struct store_bounds){ 0, MAX, 0, 0 });
	test_put(run, i + 3, "other");
	assert_int_equal(test_put(run, i + 4, key), BATCH_ACCEPTED);
	test_limit_files(0);
}

/* Another program holds it for longer than we wait. */
static void
test_locked(void **state)
{
	struct store_run *run = *state;
	sqlite3 *db;

	test_put(run, 1, NULL);
	assert_int_equal(sqlite3_open(run->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000); /* it may be tidying up */
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(test_put(run, 2, NULL), BATCH_REFUSED);
	assert_non_null(strstr(store_run_status_text(run, "last_error"),
	    "locked"));
	/* Reading goes on meanwhile. */
	assert_string_equal(test_ids(run), "1-0 .");
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(test_put(run, 3, NULL), BATCH_ACCEPTED);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_string_equal(test_ids(run), "1-0 3-0 .");
}

static unsigned
test_count_syncs(struct store_run *run, enum store_durability durability)
{
	static uint64_t ms = 100;
	unsigned before;

	store_run_close(run);
	run->options.durability = durability;
	store_run_open(run);
	assert_int_equal(test_put(run, ms++, NULL), BATCH_ACCEPTED);
	before = test_syncs;
	assert_int_equal(test_put(run, ms++, NULL), BATCH_ACCEPTED);
	return test_syncs - before;
}

/* Only "power" has every commit on the disk before it is done. */
static void
test_durability(void **state)
{
	struct store_run *run = *state;
	unsigned before;

	assert_int_equal(test_count_syncs(run, STORE_PROCESS), 0);
	assert_string_equal(store_run_status_text(run, "durability"),
	    "process");
	assert_true(test_count_syncs(run, STORE_POWER) > 0);
	assert_string_equal(store_run_status_text(run, "durability"), "power");
	assert_int_equal(test_count_syncs(run, STORE_NONE), 0);
	assert_string_equal(store_run_status_text(run, "durability"), "none");
	before = test_syncs;
	store_run_close(run);
	assert_int_equal(test_syncs - before, 0);
	store_run_open(run);
}

/* What was given is stored before it ends, and all of it comes back. */
static void
test_close(void **state)
{
	struct store_run *run = *state;
	struct store_run_event e = { .ms = 1, .channels = "a,b" };
	struct batch *batches[FAULT_BATCHES];
	size_t i;

	for (i = 0; i < FAULT_BATCHES; i++, e.ms++) {
		batches[i] = batch_new();
		store_run_add(run, batches[i], &e, 1);
		store_run_commit(run, batches[i], false);
	}
	store_run_close(run);
	assert_int_equal(run->done, FAULT_BATCHES);
	for (i = 0; i < FAULT_BATCHES; i++) {
		assert_int_equal(batches[i]->events[0].outcome, BATCH_ACCEPTED);
		batch_free(batches[i]);
	}
	store_run_open(run);
	assert_int_equal(store_run_status(run, "events"), 2 * FAULT_BATCHES);
	assert_int_equal(run->store->last.ms, FAULT_BATCHES);
}

/* Writing, reading, trimming and status at the same time. */
static void
test_all_at_once(void **state)
{
	struct store_run *run = *state;
	struct store_run_event e = { .ms = 1, .channels = "a,b" };
	struct batch *batches[FAULT_BATCHES];
	struct store_read r;
	size_t i;

	run->keep = 50;
	for (i = 0; i < FAULT_BATCHES; i++, e.ms++) {
		batches[i] = batch_new();
		store_run_add(run, batches[i], &e, 100);
		store_run_commit(run, batches[i], false);
		if (i % 10 != 0)
			continue;
		store_run_ask(run, &r, "b,a", i / 2, 0);
		store_run_read(run, &r);
		assert_true(r.events <= i + 1);
		store_run_status(run, "events");
	}
	store_run_wait(run, "events", 100);
	while (run->done < FAULT_BATCHES)
		event_base_loop(run->base, EVLOOP_ONCE);
	for (i = 0; i < FAULT_BATCHES; i++)
		batch_free(batches[i]);
	assert_true(store_run_status(run, "commits") <= FAULT_BATCHES);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_newer),
		TEST(test_foreign),
		TEST(test_not_a_database),
		TEST(test_damaged_later),
		TEST(test_full_refused),
		TEST(test_full_in_memory),
		TEST(test_full_is_a_gap),
		TEST(test_no_file_keys),
		TEST(test_locked),
		TEST(test_durability),
		TEST(test_close),
		TEST(test_all_at_once),
	};

	signal(SIGXFSZ, SIG_IGN);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("store faults", tests, NULL, NULL);
}
