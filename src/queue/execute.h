/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_EXECUTE_H
#define CRIER_QUEUE_EXECUTE_H

#include "queue/command.h"
#include "queue/queue.h"

/*
 * Carries out a command and appends its reply, one line.  COMMAND_STREAM is
 * not for here, for it takes the connection.  0, or -1: no memory to reply.
 */
int execute_command(struct queue *, const struct command *, struct buffer *);

/* Appends the reply to a command that could not be read or was refused. */
int execute_put_error(struct buffer *, int code, const char *error);

/* Publishes the command's event; 0, or -1 with the refusal in the result. */
int
execute_publish(struct queue *, const struct command *, struct hub_published *);

#endif
