/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_SPACE_H
#define CRIER_STORE_SQLITE_SPACE_H

#include <stdbool.h>

#include "store/sqlite_file.h"

/*
 * How much of the disk the database takes, and how it does without more.
 *
 * What is committed stands in the log (history.db-wal) until a checkpoint
 * copies it into the file; then the log begins again, in the room that it has.
 * A log that may grow to a quarter of the file, at least to
 * SPACE_LOG_BYTES_MIN, makes checkpoints rare where that is worth something.
 *
 * A checkpoint must not need room, for it is what makes room.  So the file has
 * room for all that is in the log before anything is committed (space_reserve).
 * On a full disk a store therefore goes on in what it has, as long as its
 * events replace each other.
 */

enum {
	SPACE_LOG_BYTES_MIN = 1 << 20,
	SPACE_LOG_BYTES_MAX = 1 << 26,
	SPACE_TRANSACTION_MIN = 1 << 19,
	SPACE_TRANSACTION_MAX = 1 << 24,
	SPACE_CHUNK_BYTES = 1 << 16 /* the file grows by such */
};

/* Sets the connection of the writer up. */
void space_set_up(struct sqlite_file *);

/*
 * How large a transaction may be.  A large one brings many events to a channel
 * in one row, which is what bulk publishing gains by; but the log is as long.
 */
uint64_t space_transaction_bytes(const struct sqlite_file *);

/*
 * Before a transaction is committed: sees that the file has room for it.  0, or
 * -1: see sqlite_file_explain.
 */
int space_reserve(struct sqlite_file *);

/*
 * When a transaction has failed for want of room, and was rolled back: lets the
 * log begin again.  Whether it does, so that another try may go through.
 */
bool space_make_room(struct sqlite_file *);

/* The bytes of the pages that are in use; 0 or -1, as above. */
int space_used(struct sqlite_file *, uint64_t *bytes);

/*
 * A step of giving free pages back to the file system, if there are more of
 * them than are good to have.  1: there may be more to do; 0; -1: see
 * sqlite_file_explain.
 */
int space_give_back(struct sqlite_file *);

#endif
