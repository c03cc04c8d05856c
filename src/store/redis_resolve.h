/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_RESOLVE_H
#define CRIER_STORE_REDIS_RESOLVE_H

#include <netdb.h>

#include <event2/event.h>

#include "protocol/redis_url.h"

/*
 * Names of hosts, resolved as the system does it (/etc/hosts, mDNS, whatever
 * nsswitch.conf says) without waiting: getaddrinfo(3) runs in a thread, one
 * for each question, as there is one in seconds at most.
 */

struct redis_resolve;

/*
 * Called once, on the loop's thread: addresses, which are freeaddrinfo(3)'s
 * and the callee's, or NULL and why.
 */
typedef void redis_resolve_cb(void *arg, struct addrinfo *, const char *why);

/* A question, or NULL (memory, threads, descriptors). */
struct redis_resolve *redis_resolve_new(struct event_base *,
    const struct redis_host *, redis_resolve_cb *, void *arg);

/* Frees a question, answered or not; may be called by its callback. */
void redis_resolve_free(struct redis_resolve *);

#endif
