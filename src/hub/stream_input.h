/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STREAM_INPUT_H
#define CRIER_HUB_STREAM_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct stream;

/*
 * What a stream's peer sends while the stream is open: records that the framing
 * understands, and then the end of file.  Nothing here ends the stream but the
 * framing's input, which may call stream_abort.
 */

/* Keeps bytes that the peer has sent; 0, or -1: too much, or no memory. */
int stream_input_add(struct stream *, const char *data, size_t len);

/*
 * Shows the framing what is kept, record by record; 0, or -1: the framing
 * cannot go on.  When the stream ends, the rest is for whoever has the
 * connection next.
 */
int stream_input_show(struct stream *);

/*
 * Reads and shows once: a peer that never stops sending holds up nobody.
 * False: the client is gone, or as good as that.
 */
bool stream_input_read(struct stream *);

#endif
