/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A disk that is full, over quota, broken or read-only from some call on, in
 * the middle of whatever the SQLite store does: nothing is lost, the reason is
 * told, and when the disk is good again the store goes on.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "lib/store_run.h"
#include "lib/writer_run.h"

enum {
	TEST_CALLS_MAX = 100000
};

/* Calls that still succeed, and the error of those behind them; 0: none. */
static atomic_int test_left, test_error;
static atomic_bool test_failed;

static bool
test_fails(void)
{
	if (test_error == 0 || atomic_fetch_sub(&test_left, 1) > 0)
		return false;
	test_failed = true;
	errno = test_error;
	return true;
}

static void
test_arm(int left, int error)
{
	test_failed = false;
	test_left = left;
	test_error = error;
}

/* The disk is good again.  Whether it was not. */
static bool
test_disarm(void)
{
	test_error = 0;
	return test_failed;
}

/* What SQLite calls. */

static int
test_open(const char *path, int flags, int mode)
{
	if ((flags & (O_CREAT | O_RDWR)) != 0 && test_fails())
		return -1;
	return open(path, flags, mode);
}

static ssize_t
test_pwrite(int fd, const void *data, size_t len, off_t at)
{
	return test_fails() ? -1 : pwrite(fd, data, len, at);
}

static int
test_ftruncate(int fd, off_t len)
{
	return test_fails() ? -1 : ftruncate(fd, len);
}

static int
test_unlink(const char *path)
{
	return test_fails() ? -1 : unlink(path);
}

static void
test_intercept(void)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)test_open },
		{ "pwrite64", (sqlite3_syscall_ptr)test_pwrite },
		{ "pwrite", (sqlite3_syscall_ptr)test_pwrite },
		{ "ftruncate", (sqlite3_syscall_ptr)test_ftruncate },
		{ "unlink", (sqlite3_syscall_ptr)test_unlink },
	};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	size_t i;

	for (i = 0; i < sizeof calls / sizeof *calls; i++)
		vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
}

int __wrap_rename(const char *, const char *);
int __real_rename(const char *, const char *);

int
__wrap_rename(const char *from, const char *to)
{
	return test_fails() ? -1 : __real_rename(from, to);
}

/* What fails, and what is said of it. */
static const struct test_fault {
	int error;
	int code; /* SQLite's, of writes */
	const char *why;
} test_faults[] = {
	{ ENOSPC, SQLITE_FULL, "full" },
	{ EDQUOT, SQLITE_FULL, "full" },
	{ EIO, SQLITE_IOERR, "Input/output error" },
	{ EROFS, SQLITE_IOERR, "Read-only file system" },
};

enum {
	TEST_FAULTS = sizeof test_faults / sizeof *test_faults
};

/* What the writer's thread does when something has failed. */
static void
test_roll_back(void)
{
	if (sqlite3_get_autocommit(writer_run.file.db) == 0)
		sqlite_file_run(&writer_run.file, STATEMENT_ROLLBACK);
	sqlite_writer_forget(&writer_run);
	writer_run.file.room_error = 0;
}

static void
test_is_whole(void)
{
	assert_int_equal(writer_number("SELECT count(*) FROM pragma_quick_check"
				       " WHERE quick_check = 'ok'"),
	    1);
}

/* Retention and vacuum, up to the first call that fails. */
static int
test_trim(const struct store_bounds *bounds)
{
	int more;

	do
		more = sqlite_writer_trim(&writer_run, 600, bounds);
	while (more == 1);
	return more;
}

/* 1 if it has got through before the call that was to fail. */
static int
test_trim_with(const struct test_fault *fault, int left)
{
	static const struct batch_channel a = { NULL, "a", 1, 10, 9999999, 0 };
	static const struct store_bounds bounds = { .keys = 1000000 };
	char why[BATCH_WHY_SIZE];
	bool failed;
	int rc;

	assert_int_equal(writer_setup(NULL), 0);
	writer_commit(&a, 500, 3000, 1000, true);
	test_arm(left, fault->error);
	rc = test_trim(&bounds);
	failed = test_disarm();
	/* What it could not give back for now is no failure. */
	assert_true(rc == 0 || failed);
	if (rc == -1) {
		assert_int_equal(sqlite_file_code(&writer_run.file),
		    fault->code);
		sqlite_file_explain(&writer_run.file, why);
		assert_non_null(strstr(why, fault->why));
		assert_non_null(strstr(why, writer_path));
		test_roll_back();
	}
	writer_settle(600, &bounds);
	assert_int_equal(writer_run.events, 10);
	assert_int_equal(writer_number("SELECT count(*) FROM key"), 0);
	assert_true(writer_number("PRAGMA freelist_count") <= 1024);
	test_is_whole();
	writer_teardown(NULL);
	return failed ? 0 : 1;
}

static void
test_vacuum(void **state)
{
	size_t i;
	int left;

	(void)state;
	for (i = 0; i < TEST_FAULTS; i++)
		for (left = 0; test_trim_with(&test_faults[i], left) == 0;
		     left += 1 + left / 2)
			assert_true(left < TEST_CALLS_MAX);
}

/* A file of version 3, with keys and runs that have yet to move. */
static void
test_make_old(void)
{
	static const struct batch_channel a = { NULL, "a", 1, 9999, 9999999,
		0 };
	static const char old[] =
	    "BEGIN; DROP TABLE secret; DROP TABLE key;"
	    "CREATE TABLE key (key TEXT PRIMARY KEY, id TEXT NOT NULL,"
	    "at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n"
	    " WHERE n < 1000) INSERT INTO key SELECT 'key ' || n, 'id', 500"
	    " FROM n; CREATE TABLE run_before AS SELECT channel, last_ms,"
	    " last_n, first_ms, events, bytes, data FROM run; DELETE FROM run;"
	    "PRAGMA user_version = 3; COMMIT";
	uint64_t ms;

	assert_int_equal(writer_setup(NULL), 0);
	for (ms = 500; ms < 600; ms++)
		writer_commit(&a, ms, 1, 3000, false);
	assert_int_equal(sqlite3_exec(writer_run.file.db, old, NULL, NULL,
			     NULL),
	    SQLITE_OK);
	sqlite_file_close(&writer_run.file);
	sqlite_writer_clear(&writer_run);
}

static int
test_upgrade_with(const struct test_fault *fault, int left)
{
	static const struct sqlite_options options = { .durability =
							   STORE_NONE };
	enum sqlite_open result;
	char *cause = NULL;
	bool failed;

	test_make_old();
	test_arm(left, fault->error);
	result =
	    sqlite_file_open(&writer_run.file, writer_path, &options, &cause);
	failed = test_disarm();
	if (result == SQLITE_OPENED) {
		sqlite_file_close(&writer_run.file);
	} else {
		/* Never is it taken for damaged, and put away. */
		assert_int_not_equal(result, SQLITE_DAMAGED);
		assert_true(failed);
		assert_non_null(strstr(cause, writer_path));
		free(cause);
	}
	assert_int_equal(writer_setup(NULL), 0);
	assert_int_equal(writer_number("SELECT count(*) FROM run"), 100);
	assert_int_equal(writer_number("SELECT count(*) FROM key"), 1000);
	assert_int_equal(writer_number("SELECT count(*) FROM sqlite_master"
				       " WHERE name LIKE '%_before'"),
	    0);
	assert_int_equal(writer_number(writer_wrong), 0);
	test_is_whole();
	writer_teardown(NULL);
	return failed ? 0 : 1;
}

static void
test_upgrade(void **state)
{
	size_t i;
	int left;

	(void)state;
	for (i = 0; i < TEST_FAULTS; i++)
		for (left = 0; test_upgrade_with(&test_faults[i], left) == 0;
		     left += 1 + left / 2)
			assert_true(left < TEST_CALLS_MAX);
}

/* The whole store. */

static enum batch_outcome
test_put(struct store_run *run, uint64_t ms)
{
	struct store_run_event e = { .ms = ms, .channels = "a" };

	return store_run_put(run, &e);
}

static void
test_running(void **state)
{
	struct store_run *run = *state;
	uint64_t ms = 1, accepted = 0;
	size_t i;

	for (i = 0; i < TEST_FAULTS; i++) {
		accepted += test_put(run, ms++) == BATCH_ACCEPTED;
		test_arm(0, test_faults[i].error);
		assert_int_equal(test_put(run, ms++), BATCH_REFUSED);
		assert_string_equal(store_run_status_text(run, "degraded"),
		    "true");
		assert_non_null(strstr(store_run_status_text(run, "last_error"),
		    test_faults[i].why));
		assert_true(test_disarm());
		accepted += test_put(run, ms++) == BATCH_ACCEPTED;
		assert_string_equal(store_run_status_text(run, "degraded"),
		    "false");
	}
	assert_int_equal(accepted, 2 * TEST_FAULTS);
	assert_int_equal(store_run_status(run, "events"), accepted);
}

static void
test_spoil(const struct store_run *run)
{
	char garbage[8192];
	int fd = open(run->path, O_WRONLY);

	memset(garbage, 0xa5, sizeof garbage);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, 0),
	    sizeof garbage);
	close(fd);
}

/*
 * A damaged file, for which there is no room on the disk for another, or the
 * directory cannot be changed: tried again until it can be replaced.
 */
static int
test_replace_with(struct store_run *run, const struct test_fault *fault,
    int left)
{
	int files = store_run_count_files(run, "h.db.damaged-"), tries = 0;
	bool failed;

	assert_int_equal(test_put(run, 1), BATCH_ACCEPTED);
	store_run_close(run);
	store_run_open(run);
	test_spoil(run);
	test_arm(left, fault->error);
	test_put(run, 2);
	failed = test_disarm();
	/* Until the next one that goes wrong shows what is the matter. */
	while (test_put(run, 3) != BATCH_ACCEPTED)
		assert_true(tries++ < 2);
	assert_string_equal(store_run_status_text(run, "degraded"), "false");
	assert_true(store_run_count_files(run, "h.db.damaged-") > files);
	store_run_close(run);
	store_run_open(run);
	assert_in_range(store_run_status(run, "events"), 1, 2);
	/* The next round has a directory without them. */
	store_run_close(run);
	unlink(run->path);
	store_run_open(run);
	return failed ? 0 : 1;
}

static void
test_replace(void **state)
{
	size_t i;
	int left;

	for (i = 0; i < TEST_FAULTS; i++)
		for (left = 0;
		     test_replace_with(*state, &test_faults[i], left) == 0;
		     left++)
			assert_true(left < TEST_CALLS_MAX);
}

static int
test_setup(void **state)
{
	return (*state = store_run_start()) == NULL ? -1 : 0;
}

static int
test_teardown(void **state)
{
	test_disarm();
	store_run_stop(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vacuum),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test_setup_teardown(test_running, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_replace, test_setup,
		    test_teardown),
	};

	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	test_intercept();
	return cmocka_run_group_tests_name("store disk", tests,
	    writer_group_setup, writer_group_teardown);
}
