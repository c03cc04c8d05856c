/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_CREW_H
#define CRIER_HUB_CREW_H

#include <stddef.h>

/*
 * Threads that help the loop's thread with one long piece of work, and sleep
 * otherwise.  The loop's thread works, too, and goes on when all is done: so
 * nothing else changes meanwhile, and no state needs a lock.
 */
struct crew;

/* So many threads in all, the caller's among them; NULL (errno). */
struct crew *crew_new(size_t threads);

/* Ends the threads. */
void crew_free(struct crew *);

size_t crew_size(const struct crew *);

/*
 * Calls work for all of [0, count), in pieces, on all threads; member is in
 * [0, crew_size).  Returns when all is done.
 */
void crew_work(struct crew *, size_t count,
    void (*work)(void *arg, size_t member, size_t from, size_t to), void *arg);

#endif
