/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_QUEUE_PASSED_H
#define CRIER_QUEUE_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/fdpass.h"

enum {
	PASSED_MAX = 1 + FDPASS_TAKEN + 1 /* one of before; and new ones */
};

/*
 * Descriptors that came with a peer's lines, until those lines are taken.
 *
 * A line's descriptor comes with its first byte, so it is one of those that
 * were read together with that byte; with several such lines in one message
 * they are in the lines' order.  A descriptor that came with a line which had
 * no use for it is thus never taken for another line's: that would be somebody
 * else's client.
 */
struct passed {
	struct passed_descriptor {
		int fd;            /* -1: it could not be taken */
		uint64_t from, to; /* the bytes that were read with it */
	} items[PASSED_MAX];       /* the oldest first */
	size_t count;
};

/*
 * As recv(2), and keeps the descriptors.  Positions are counted in bytes from
 * the peer's first: at `line` the first line begins that is not taken yet, at
 * `from` the bytes that are read now.
 */
ssize_t passed_receive(struct passed *, int sock, char *data, size_t len,
    uint64_t line, uint64_t from);

/*
 * Takes the descriptor of the line that begins at `line`: the caller's, or -1
 * if it could not be received.  False: none came with the line.  To be asked in
 * the lines' order.
 */
bool passed_take(struct passed *, uint64_t line, int *fd);

/*
 * Closes the descriptors that no line can have any more.  At `line` the first
 * line begins that is not taken; `end` is behind the last byte that was read.
 * If is_begun, what is left is one line without its end.
 */
void passed_trim(struct passed *, uint64_t line, uint64_t end, bool is_begun);

/* Closes those that came with the bytes from `from` on: they are too many. */
void passed_refuse(struct passed *, uint64_t from);

/*
 * Whether fd is the other end of a connection to the socket at which sock was
 * accepted.  A stream on it would feed the queue, and never end.
 */
bool passed_is_queues(int sock, int fd);

/* Closes what is left. */
void passed_clear(struct passed *);

#endif
