/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_CONNECTION_H
#define CRIER_DOOR_CONNECTION_H

#include "base/text.h"
#include "door/door.h"

/*
 * A connection of the web server's while no stream has it: it waits for a
 * request, or for the hub, or sends a short answer.
 */

/*
 * Opens one on a descriptor, which is taken in any case.  input is what was
 * read from the descriptor already.  A kept one comes back from a stream, and
 * may stay idle.
 */
void connection_open(struct door *, int fd, bool kept, struct text_span input);

/* Whether some connection has a request that is not answered yet. */
bool connection_any_is_busy(const struct door *);

/* Closes and frees a connection. */
void connection_close(struct connection *);

#endif
