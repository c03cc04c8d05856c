/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_KIN_H
#define CRIER_SOURCE_KIN_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * What a program has started and no signal to its group reaches: processes that
 * made a session of their own.  When their parents end they become children of
 * this process (a subreaper, prctl(2)), and are known by a variable that they
 * have in their environment from the program, the mark.  A process that cleared
 * its environment is not found.
 */

/* From now on this process gets such children, and must reap them. */
void kin_adopt(void);

/*
 * Kills the children of this process that have the mark, NAME=, with a value
 * that is of nothing that goes on, and their children.  Of its children so many
 * are known to have no such.  Returns how many it has found.
 */
size_t kin_kill(const char *mark, size_t known,
    bool (*is_going)(void *arg, const char *value), void *arg);

/*
 * Kills all processes of this machine with the mark, NAME=VALUE, if it may, but
 * for this one: a run may have started it.
 */
void kin_kill_left(const char *mark);

/* Reaps children that have ended, but for those that is_known claims. */
void kin_reap(bool (*is_known)(void *arg, pid_t), void *arg);

#endif
