/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_REST_H
#define CRIER_HUB_REST_H

struct stream;

/*
 * What is left of a unit that a socket took only a part of.  The stream holds
 * the unit's block for it, which for as long as the channel retains the block
 * costs nothing.  Afterwards it may be 32 KiB for the rest of a record of some
 * bytes.  So a small rest is copied as soon as its stream stalls, and is all
 * that the stream holds; a large one counts once its channel has dropped it,
 * and stall.h bounds both.
 */

enum {
	REST_COPY = 16384 /* a rest of so many bytes is copied */
};

/* The stream stalls; without memory for a copy it goes on as it is. */
void rest_keep(struct stream *);

#endif
