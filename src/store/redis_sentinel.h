/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_SENTINEL_H
#define CRIER_STORE_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "store/redis_peer.h"

/*
 * Sentinels, which know where the master is.  All that the URL names are asked,
 * each on a connection of its own, once a second.  Of what they name, that
 * comes first which most of them do; what a single one says is tried, too, but
 * after that: it may be the first to know, or cut off, or wrong.
 */
struct redis_sentinels;

/*
 * What is known has changed: called from the loop, at first when more than half
 * of them say the same, or all have answered or failed (a second at most).
 */
typedef void redis_sentinels_cb(void *arg);

/* Begins to ask; the URL and the peer must stay.  NULL: memory. */
struct redis_sentinels *
redis_sentinels_new(struct event_base *, const struct redis_url *,
    const struct redis_peer *, redis_sentinels_cb *, void *arg);

/* NULL is allowed. */
void redis_sentinels_free(struct redis_sentinels *);

/*
 * The master to connect to for the nth time, from 0 on: what the sentinels
 * name, in turn.  0, or -1 and why: none of them names one.
 */
int redis_sentinels_choose(const struct redis_sentinels *, unsigned tries,
    struct redis_host *, char why[REDIS_LINK_WHY_SIZE]);

/* Whether more than half of all name one master, and it is another one. */
bool
redis_sentinels_deny(const struct redis_sentinels *, const struct redis_host *);

/* How many name a master. */
size_t redis_sentinels_count(const struct redis_sentinels *);

#endif
