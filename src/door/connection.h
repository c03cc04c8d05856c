/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_CONNECTION_H
#define CRIER_DOOR_CONNECTION_H

#include "base/text.h"
#include "door/door.h"

/*
 * A connection of the web server's while no stream has it: waiting for a
 * request, or sending a short answer.  Takes the descriptor in any case.
 * input is what was read from it already; with kept it may stay idle.
 */
void connection_open(struct door *, int fd, bool kept, struct text_span input);

/* Whether one has something of a request that is not answered yet. */
bool connection_any_is_busy(const struct door *);

/* Closes and frees it. */
void connection_close(struct connection *);

#endif
