/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_FLUSH_H
#define CRIER_BASE_FLUSH_H

#include "base/buffer.h"

/*
 * Sends what a non-blocking socket takes of the buffer, without SIGPIPE, and
 * consumes that.  1: all of it; 0: the socket is full, so wait until it can be
 * written to (it may be so already: an edge is not enough); -1 with errno: it
 * is broken.
 */
int flush_buffer(int sock, struct buffer *);

#endif
