/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <sys/socket.h>

#include "base/flush.h"

int
flush_buffer(int sock, struct buffer *b)
{
	ssize_t n;

	if (b->len == 0)
		return 1;
	do
		n = send(sock, b->data, b->len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	/* A socket that took a part is full: it need not be asked again. */
	buffer_consume(b, (size_t)n);
	return b->len == 0 ? 1 : 0;
}
