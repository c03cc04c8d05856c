/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_PROCESS_H
#define CRIER_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who a process that was started as root goes on as. */
struct process_account {
	bool is_set; /* false: we are not root, or stay root */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/*
 * Finds the account that `user` names, or, for "", the first that exists of
 * crier, www-data and nobody.  Nothing to find when not root.  0, or -1 with
 * *cause, the caller's.
 */
int
process_find_account(const char *user, struct process_account *, char **cause);

/* The id of a group, or (gid_t)-1 for "".  0, or -1 with *cause. */
int process_find_group(const char *group, gid_t *, char **cause);

/* Becomes the account for good; 0, or -1 with *cause. */
int process_drop(const struct process_account *, char **cause);

/*
 * Whether this process's user may write the file, or make it in its directory:
 * 0, or -1 with *cause, which names the user, what it may not write to, and
 * whose that is.
 */
int process_check_writable(const char *path, char **cause);

/*
 * Sets *cause to why something could not be done to the file: the path, doing
 * ("cannot listen: ", or ""), the error, and, where a user may not or something
 * on the way is no directory, who, and whose that is.  wanted is what of the
 * file itself was, as for access(2), or 0 to make or remove it.  Returns -1.
 */
int process_cannot(const char *path, const char *doing, int wanted, int error,
    char **cause);

/*
 * Opens those of descriptors 0 to 2 that are closed, before anything else gets
 * their numbers and is taken for standard input or error.
 */
void process_guard_descriptors(void);

/* Closes all descriptors from this one on. */
void process_close_from(int first);

/* Raises the limit of descriptors to what is allowed; returns it. */
size_t process_raise_descriptors(void);

/* Sets the mask for new files (umask(2)). */
void process_set_mask(mode_t);

/*
 * Gives a child that is to become another program the limit and the mask that
 * this process was started with.  For a child before exec: async-signal-safe.
 */
void process_restore_start(void);

/*
 * Goes into the background.  The process that returns is the daemon; the one
 * that called waits until process_ready, and exits with 1 if that never comes.
 * Until then standard error is the starter's; process_ready makes it stderr_fd,
 * or leaves it if that is -1.  0, or -1 with *cause.
 */
int process_detach(char **cause);
void process_ready(int stderr_fd);

/*
 * Holds a lock on a file, made if need be, for as long as the process lives.
 * 0 with the descriptor, which stays open, in *fd; 1: another process has the
 * lock; -1 with *cause: no file can be made.
 */
int process_lock(const char *path, const struct process_account *, int *fd,
    char **cause);

#endif
