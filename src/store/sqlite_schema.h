/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_SCHEMA_H
#define CRIER_STORE_SQLITE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "protocol/id.h"

/*
 * What is in the history's database, in which version, and how a file of an
 * earlier one becomes one of today's.  Where a function results in -1, the
 * connection's last error says why.
 */

enum schema_state {
	SCHEMA_NONE, /* the file is empty */
	SCHEMA_NOW,
	SCHEMA_EARLIER, /* or an upgrade is not through: see schema_upgrade */
	SCHEMA_LATER,   /* a newer crier's */
	SCHEMA_FOREIGN, /* another program's */
	SCHEMA_UNREADABLE
};

/* Reads no more than the figures that everything else needs. */
enum schema_state schema_look(sqlite3 *);

/*
 * Makes the schema.  A new file knows of nothing that was published before now,
 * so now is its floor: whoever resumes from before is told of a gap.  0 or -1.
 */
int schema_make(sqlite3 *, struct id floor);

/*
 * Goes on with an upgrade, or begins one.  It takes little more room than there
 * is, and what is through stays so if it is killed, or the disk is full.  The
 * secret is as below, and stays where it is as long as the connection.  0 or
 * -1.
 */
int schema_upgrade(sqlite3 *, uint64_t secret[2]);

/*
 * The secret of the file under which keys are hashed; makes one if it is lost,
 * and with it all keys.  0 or -1.
 */
int schema_load_secret(sqlite3 *, uint64_t secret[2]);

/* Whether keys of the first version may be in the file: it is of an earlier one
 * than this. */
bool schema_has_old_keys(sqlite3 *);

#endif
