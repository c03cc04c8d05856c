/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_FIFO_H
#define CRIER_QUEUE_FIFO_H

#include "base/listener.h"

struct queue;
struct queue_fifo;

/*
 * Opens the named pipe at path, made if need be, for reading and for writing:
 * so there is always a reader and a writer, and never an end of file.  -1 with
 * *cause, the caller's.
 */
int fifo_open(const char *path, const struct listener_access *, char **cause);

/* Reads lines from the pipe; takes the descriptor.  NULL: no memory. */
struct queue_fifo *fifo_new(struct queue *, int fd);

/* Goes on reading when the queue may; NULL is allowed. */
void fifo_resume(struct queue_fifo *);

/* Takes what is still in the pipe, then closes it. */
void fifo_free(struct queue_fifo *);

#endif
