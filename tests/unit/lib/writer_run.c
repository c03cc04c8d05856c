/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/sqlite_run.h"
#include "writer_run.h"

enum {
	SQLITE_STEPS_MAX = 10000, /* more steps than anything here takes */
	SQLITE_STEP_BYTES = 33 * RUN_MAX_BYTES
};

static char writer_dir[] = "/tmp/crier-sqlite-XXXXXX";
char writer_path[64];
struct sqlite_writer writer_run;

int
writer_setup(void **state)
{
	static const struct sqlite_options options = { .durability =
							   STORE_NONE };
	char *cause;

	(void)state;
	sqlite_writer_init(&writer_run, UINT64_MAX);
	if (sqlite_file_open(&writer_run.file, writer_path, &options, &cause) ==
	    SQLITE_OPENED)
		return 0;
	print_error("%s\n", cause);
	return -1;
}

int
writer_teardown(void **state)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char path[80];
	size_t i;

	(void)state;
	sqlite_file_close(&writer_run.file);
	sqlite_writer_clear(&writer_run);
	for (i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(path, sizeof path, "%s%s", writer_path, parts[i]);
		unlink(path);
	}
	return 0;
}

sqlite3_int64
writer_number(const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3_int64 n;

	assert_int_equal(sqlite3_prepare_v2(writer_run.file.db, sql, -1, &s,
			     NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

const char writer_wrong[] =
    "SELECT count(*) FROM channel AS c WHERE events <>"
    " (SELECT ifnull(sum(events), 0) FROM run WHERE channel = c.id)"
    " OR bytes <>"
    " (SELECT ifnull(sum(bytes), 0) FROM run WHERE channel = c.id)"
    " OR oldest_ms <>"
    " (SELECT ifnull(min(first_ms), 0) FROM run WHERE channel = c.id)";

void
writer_check_sums(void)
{
	assert_int_equal(
	    writer_number("SELECT ifnull(sum(events), 0) FROM run"),
	    writer_run.events);
	assert_int_equal(writer_number("SELECT ifnull(sum(bytes), 0) FROM run"),
	    writer_run.bytes);
	assert_int_equal(writer_number("SELECT count(*) FROM channel"),
	    writer_run.channel_count);
	assert_int_equal(
	    writer_number("SELECT count(*) FROM run WHERE events < 1"), 0);
	assert_int_equal(writer_number(writer_wrong), 0);
}

void
writer_commit(const struct batch_channel *c, uint64_t ms, size_t count,
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
	assert_int_equal(sqlite_writer_commit(&writer_run, b, NULL), 0);
	batch_free(b);
}

int
writer_settle(uint64_t wall_ms, const struct store_bounds *bounds)
{
	uint64_t before;
	int steps, more = 1;

	for (steps = 0; more == 1; steps++) {
		before = writer_run.bytes;
		more = sqlite_writer_trim(&writer_run, wall_ms, bounds);
		assert_true(before - writer_run.bytes <= SQLITE_STEP_BYTES);
		if (steps == SQLITE_STEPS_MAX)
			fail_msg("it never ends");
	}
	assert_int_equal(more, 0);
	writer_check_sums();
	return steps;
}

int
writer_trim(uint64_t wall_ms, uint64_t keys_before_ms)
{
	struct store_bounds bounds = { wall_ms - keys_before_ms, 1000000, 0,
		0 };

	return writer_settle(wall_ms, &bounds);
}

int
writer_group_setup(void **state)
{
	(void)state;
	if (mkdtemp(writer_dir) == NULL)
		return -1;
	snprintf(writer_path, sizeof writer_path, "%s/h.db", writer_dir);
	return 0;
}

int
writer_group_teardown(void **state)
{
	(void)state;
	return rmdir(writer_dir);
}
