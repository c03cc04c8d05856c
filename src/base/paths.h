/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_PATHS_H
#define CRIER_BASE_PATHS_H

/*
 * Where the daemon makes the file name by default: RUNSTATEDIR/crier/name, or
 * $XDG_RUNTIME_DIR/crier/name for a user other than root who has that
 * variable.  The caller's to free; NULL with errno = ENOMEM.
 */
char *paths_runtime_file(const char *name);

/*
 * The queue socket that a program talks to: $CRIER_QUEUE; else the one of the
 * user's own crierd if it exists; else the system's.  The caller's to free;
 * NULL with errno = ENOMEM.
 */
char *paths_find_queue(void);

#endif
