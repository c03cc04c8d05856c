/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_FIFO_H
#define CRIER_QUEUE_FIFO_H

#include "base/listener.h"
#include "queue/queue.h"

/*
 * Opens the named pipe at path, made if need be, for reading and writing: so
 * it never sees end of file, and a writer always finds a reader.  -1 with
 * *cause, the caller's.
 */
int fifo_open(const char *path, const struct listener_access *, char **cause);

/* Reads lines from it; takes the descriptor.  NULL: no memory. */
struct queue_fifo *fifo_new(struct queue *, int fd);

/* Goes on reading after queue_is_full; NULL is allowed. */
void fifo_resume(struct queue_fifo *);

/* Logs and counts a line that was refused. */
void fifo_refuse(struct queue *, const char *why);

/* Takes what is still in the pipe, then closes it. */
void fifo_free(struct queue_fifo *);

#endif
