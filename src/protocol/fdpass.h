/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_FDPASS_H
#define CRIER_PROTOCOL_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

/* Descriptors through a Unix socket (SCM_RIGHTS, unix(7)). */

enum {
	/* Of one fdpass_receive; even, so that CMSG_SPACE adds nothing. */
	FDPASS_TAKEN = 14
};

/*
 * As send(2) without SIGPIPE; fd, unless -1, goes with the first byte and
 * stays the caller's.
 */
ssize_t fdpass_send(int sock, const char *data, size_t len, int fd);

/*
 * As recv(2).  The descriptors that came with the bytes are the caller's,
 * close-on-exec: *count of them in fds.  They came with one message, whose
 * bytes are the last of these.  A last one of -1 stands for those that could
 * not be taken, since they are too many, or the process has none left.
 */
ssize_t fdpass_receive(int sock, char *data, size_t len,
    int fds[FDPASS_TAKEN + 1], size_t *count);

#endif
