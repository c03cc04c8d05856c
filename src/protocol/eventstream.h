/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_EVENTSTREAM_H
#define CRIER_PROTOCOL_EVENTSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Reads an event stream as a browser does (HTML Living Standard, "Server-sent
 * events", 9.2.5 and 9.2.6), from pieces of any size.  Does no I/O.
 */
struct eventstream {
	struct buffer line; /* of a line that has not ended yet */
	struct buffer data, event, id;
	struct buffer last_id; /* the last event id; a NUL is kept behind it */
	bool has_id;           /* the block has an id of its own */
	bool has_event;        /* was handed out: goes with the next call */
	bool after_cr;         /* an LF now is of the same line end */
	bool begun;            /* no byte order mark may come any more */
};

/* An event; the texts are the parser's, until the next call. */
struct eventstream_event {
	const char *id; /* NULL if it came without one */
	size_t id_len;
	const char *event; /* NULL: "message" */
	size_t event_len;
	const char *data;
	size_t data_len;
};

/*
 * Reads from *bytes and moves *bytes and *len behind what it took.  Returns 1
 * with an event, 0 when all is taken and no event is complete, -1 with errno
 * (ENOMEM; EMSGSIZE for a line or event beyond max bytes): the stream cannot
 * be read on then.  All zero is a fresh parser.
 */
int eventstream_read(struct eventstream *, const char **bytes, size_t *len,
    size_t max, struct eventstream_event *);

/* The id to resume after, or NULL for none; valid until the next call. */
const char *eventstream_last_id(const struct eventstream *);

/* Ready for a new connection: forgets all but the last event id. */
void eventstream_restart(struct eventstream *);

/* Frees what it holds. */
void eventstream_clear(struct eventstream *);

#endif
