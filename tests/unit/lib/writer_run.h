/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_WRITER_RUN_H
#define CRIER_TESTS_WRITER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/sqlite_writer.h"

/*
 * The SQLite store's writer without its thread: commits, and the steps of
 * retention.  What goes wrong fails the test.
 */
extern struct sqlite_writer writer_run;
extern char writer_path[64];

/* For the group, and for each test. */
int writer_group_setup(void **state);
int writer_group_teardown(void **state);
int writer_setup(void **state);
int writer_teardown(void **state);

/* The number that a query results in. */
sqlite3_int64 writer_number(const char *sql);

/*
 * A query for how many runs are empty, and rows of channels do not tell what
 * their runs do.
 */
extern const char writer_wrong[];

/* The writer's figures must be what the file has. */
void writer_check_sums(void);

/* So many events of one time, with records of so many bytes, and keys. */
void writer_commit(const struct batch_channel *, uint64_t ms, size_t count,
    size_t bytes, bool with_keys);

/*
 * Steps of retention until nothing is left to do: how many; each is small.  The
 * second one has no bounds but that of the keys' age.
 */
int writer_settle(uint64_t wall_ms, const struct store_bounds *);
int writer_trim(uint64_t wall_ms, uint64_t keys_before_ms);

#endif
