/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_ORDER_H
#define CRIER_HUB_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/stream.h"

/* The events of a stream's channels as they are sent: by id, each once. */

/*
 * The next run to send, which is of one channel, the one of the cursor *index,
 * supposing that all before seqs (a number for each cursor) and the id sent is
 * out.  Moves seqs past what needs no sending.  False: there is none.
 */
bool order_next(const struct stream *, uint64_t *seqs, struct id sent,
    uint64_t now_ms, size_t *index, struct history_slice *);

#endif
