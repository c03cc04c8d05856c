/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_POLL_H
#define CRIER_HUB_POLL_H

#include <stdbool.h>
#include <stdint.h>

struct hub;
struct stream;
struct subscription;

/*
 * For hosts that allow few long-lived connections.  A poll is a stream that
 * ends by itself: as soon as it has brought what was pending, or when it has
 * waited long enough.  To the page that is a connection lost like any other,
 * so nothing is said of it but where to go on, and when.
 */

/* Whether the next stream, as it is asked for, is to be a poll. */
bool poll_is_wanted(const struct hub *, const struct subscription *);

/* Makes a stream that was not started yet a poll. */
void poll_begin(struct stream *, uint64_t wait_ms);

/* All that was pending is sent: a poll that brought something is over. */
void poll_check(struct stream *);

/* The time of a poll is up: it ends when nothing is pending. */
void poll_time_out(struct stream *);

/* Whether the stream ends, or ended, as polls do, and for no other reason. */
bool poll_is_over(const struct stream *);

#endif
