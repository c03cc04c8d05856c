/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_PASS_H
#define CRIER_DOOR_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/text.h"
#include "request/request.h"

/*
 * How a web server's module passes its client's own socket on, so that it keeps
 * nothing of the stream.
 *
 * 1. The parameter CRIER_PASS=1 says that it may.
 * 2. The door sends the stream's HTTP head, with X-Crier-Pass: 1 in it, and
 *    holds all else back for PASS_HOLD_MS.
 * 3. The module sends the head to its client, all of it, and then a record of
 *    type PASS_RECORD without content, of the request's id, with the client's
 *    descriptor on it (SCM_RIGHTS).
 * 4. The door answers END_REQUEST with appStatus 1, and the stream is written
 *    into the descriptor as it is.  Without a usable descriptor in time, the
 *    stream goes on by FastCGI.
 *
 * The peer is believed what a web server is believed, and no more: one message
 * is waited for, once a request, and elsewhere read(2) makes the kernel close
 * descriptors that nobody asked for.
 */

enum {
	PASS_HOLD_MS = 1000,
	PASS_RECORD = 64
};

/* Whether the request says so, and a descriptor can come by this connection. */
bool pass_is_offered(const struct request *, int fd);

/* Appends the records of step 2; 0, or -1 (memory). */
int pass_put_head(struct buffer *, uint16_t request_id, struct text_span head);

/* Appends the record of step 4; 0, or -1 (memory). */
int pass_put_taken(struct buffer *, uint16_t request_id);

/*
 * Receives the message of step 3.  As recv(2); the bytes are appended to in,
 * which is empty, unless *client is the client's descriptor, the caller's and
 * non-blocking: then the record is done with.  Else *client is -1, and whatever
 * came beside the bytes is closed.
 */
ssize_t
pass_receive(int fd, uint16_t request_id, struct buffer *in, int *client);

#endif
