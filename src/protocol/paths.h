/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_PATHS_H
#define CRIER_PROTOCOL_PATHS_H

/*
 * Where a crierd makes the file name by default.  For root RUNSTATEDIR/crier;
 * for another user $XDG_RUNTIME_DIR/crier, or without that variable
 * RUNSTATEDIR/crier if that can be used, else ~/.crier (0700).  The
 * caller's to free; NULL with errno = ENOMEM.
 */
char *paths_runtime_file(const char *name);

/*
 * The queue socket that a program talks to: $CRIER_QUEUE; else the first that
 * exists of the user's own, in $XDG_RUNTIME_DIR/crier and ~/.crier, and the
 * system's; else where the user's own crierd would make it.  As above.
 */
char *paths_find_queue(void);

/* A file in the same directory as path.  As above. */
char *paths_beside(const char *path, const char *name);

/* Makes ~/.crier, for the user alone, if path is in it; 0, or -1 with errno. */
int paths_make_home(const char *path);

/*
 * A program of ours: the one beside this process's, as in the build tree, else
 * the one in dir.  As above.
 */
char *paths_find_program(const char *name, const char *dir);

#endif
