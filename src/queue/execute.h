/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_EXECUTE_H
#define CRIER_QUEUE_EXECUTE_H

#include <stdbool.h>

#include "protocol/command.h"
#include "queue/replies.h"

struct queue;

/*
 * Whether a command may be carried out while events of the lines before it are
 * not committed yet.  All others see what these lines have done.
 */
bool execute_may_overtake(enum command_kind);

/*
 * Whether a command may cost more than the length of its line says: such
 * commands take turns (pace.h).
 */
bool execute_is_costly(enum command_kind);

/* Whether a command does nothing but reply. */
bool execute_is_question(enum command_kind);

/* Whether the reply may be much longer than the line. */
bool execute_is_long(const struct command *);

/*
 * Carries out a command that has its reply at once, and appends that, one line.
 * 0, or -1: no memory, or a command that only a peer can carry out.
 */
int execute_command(struct queue *, const struct command *, struct buffer *);

/* For a command that all nodes answer: NULL, or why it is none (EX_DATAERR). */
const char *execute_check(const struct command *);

/*
 * Appends the reply to such a command, with what the nodes answered, which it
 * takes.  0, or -1 (memory).
 */
int execute_answer(struct queue *, enum command_kind,
    struct json_object *answer, struct buffer *);

/*
 * Publishes the command's event; what became of it is told with the turn's
 * batch.  0; -1 if it is refused, with code and error in the command; 1 if it
 * is published but there was no memory for the reply.
 */
int execute_publish(struct queue *, const struct asker *, void *who,
    struct command *);

#endif
