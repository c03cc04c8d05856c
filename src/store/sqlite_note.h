/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_SQLITE_NOTE_H
#define CRIER_STORE_SQLITE_NOTE_H

#include "store/batch.h"
#include "store/sqlite_file.h"

/* The hub's notes (batch.h), in the database. */

/* Stores a batch's notes, within its transaction; 0, or -1. */
int sqlite_note_commit(struct sqlite_file *, const struct batch *);

/* Reads them all, by a connection of its own; none, if it cannot be read. */
void sqlite_note_read(const char *path,
    void (*take)(void *arg, const char *name, const char *text, struct id),
    void *arg);

#endif
