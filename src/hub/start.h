/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_START_H
#define CRIER_HUB_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/channel.h"
#include "hub/subscription.h"

/*
 * Where somebody begins who has named a position, or none: what a subscription
 * says of that becomes one id.  The same holds for a stream and for who is told
 * the history at once (retained.h).
 */
struct start {
	struct id after; /* begin behind this id */
	bool is_known;   /* after is what the client named */
	bool is_all;     /* begin with all that is retained */
	bool is_last;    /* begin so many events before the end */
};

/* Finds it; a channel that does not exist in memory is NULL. */
void start_find(const struct hub *, const struct subscription *,
    struct channel *const *channels, struct start *);

/* The number of the event in this history with which it begins. */
uint64_t start_seq(const struct hub *, const struct subscription *,
    const struct start *, const struct history *);

/*
 * Whether the store may have what was asked for, and the memory has not.  The
 * channels are the subscription's.
 */
bool start_is_stored(const struct hub *, const struct subscription *,
    const struct start *, struct channel *const *channels);

#endif
