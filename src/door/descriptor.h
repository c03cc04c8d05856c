/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_DESCRIPTOR_H
#define CRIER_DOOR_DESCRIPTOR_H

#include <stdbool.h>

/* What another process gives us to write a stream to. */
struct descriptor {
	bool is_pipe; /* else a socket */
	bool is_unix; /* a socket within this machine */
};

/*
 * Takes only what a web server gives its programs: a pipe, or a stream socket
 * that does not listen, that can be written to.  It is non-blocking then.
 * NULL; or what is wrong, which follows on "the descriptor".
 */
const char *descriptor_check(int fd, struct descriptor *);

/* NULL if this is a connected stream socket, as a client's must be. */
const char *descriptor_check_client(int fd);

#endif
