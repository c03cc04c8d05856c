/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_FAN_H
#define CRIER_HUB_FAN_H

#include <stdbool.h>
#include <stddef.h>

struct channel;
struct hub;

/*
 * Delivery on several threads (`threads`).  For the time of one pass over a
 * channel's streams the hub stands still: each thread sends to some of them,
 * and what is more than sending (a full socket, a client that left, an end) is
 * noted, and done by the loop's thread when all have finished.  So histories
 * have one writer, which is not writing then.
 */
struct fan;

/* With so many threads, the caller's among them; NULL (errno). */
struct fan *fan_new(size_t threads);
void fan_free(struct fan *);

/* Delivers to all streams of a channel; false: the caller is to do it. */
bool fan_deliver(struct fan *, struct hub *, struct channel *);

#endif
