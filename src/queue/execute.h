/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_EXECUTE_H
#define CRIER_QUEUE_EXECUTE_H

#include "protocol/command.h"
#include "queue/queue.h"

/*
 * Carries out a command that has its reply at once (status, close, presence)
 * and appends it, one line.  0, or -1: no memory.
 */
int execute_command(struct queue *, const struct command *, struct buffer *);

/*
 * Publishes the command's event; its reply comes with the turn's batch.  peer
 * NULL: the named pipe's.  0; -1 if it is refused, with code and error in the
 * command; 1 if it is published but there was no memory for the reply.
 */
int execute_publish(struct queue *, struct queue_peer *, struct command *);

#endif
