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
	PASSED_MAX = 1 + FDPASS_TAKEN + 1 /* of before; as fdpass has them */
};

/*
 * Descriptors that came with a peer's lines, until those are taken.
 *
 * A line's descriptor comes with its first byte, so it is one of those that
 * were read together with that; with several such lines in one message they
 * are in the lines' order.  What came with a line that had no use for it is
 * thus never taken for another's: that would be somebody else's client.
 */
struct passed {
	struct passed_descriptor {
		int fd;            /* -1: it could not be taken */
		uint64_t from, to; /* the bytes that were read with it */
	} items[PASSED_MAX];       /* the oldest first */
	size_t count;
};

/*
 * As recv(2), and keeps the descriptors.  Bytes are counted from the peer's
 * first: line is where the first line begins that is not taken yet, from where
 * these bytes do.
 */
ssize_t passed_receive(struct passed *, int sock, char *data, size_t len,
    uint64_t line, uint64_t from);

/*
 * Takes the descriptor of the line that begins there, the caller's from here
 * on, or -1; false: none came with it.  To be asked in the lines' order.
 */
bool passed_take(struct passed *, uint64_t line, int *fd);

/* Closes what is left. */
void passed_clear(struct passed *);

#endif
