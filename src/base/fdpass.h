/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_FDPASS_H
#define CRIER_BASE_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

/* Descriptors through a Unix socket (SCM_RIGHTS, unix(7)). */

enum {
	FDPASS_MAX = 16 /* descriptors of one fdpass_receive */
};

/*
 * As send(2) without SIGPIPE; fd, unless -1, goes with the first byte and
 * stays the caller's.
 */
ssize_t fdpass_send(int sock, const char *data, size_t len, int fd);

/*
 * As recv(2).  The descriptors that came with the bytes are the caller's,
 * close-on-exec: *count of them in fds.
 */
ssize_t fdpass_receive(int sock, char *data, size_t len, int fds[FDPASS_MAX],
    size_t *count);

#endif
