/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_WATCH_H
#define CRIER_HUB_WATCH_H

#include <stdbool.h>

struct hub;
struct stream;

/*
 * What all streams wait for: one epoll(7) of the hub's, which the loop has as
 * one descriptor.  A libevent event for each would be 128 bytes more a stream
 * and 48 a descriptor, which it keeps, and two system calls for each change
 * instead of one.
 */
struct watch;

/*
 * ready_cb is called for a stream whose descriptor has something to read, or
 * takes more.  NULL: memory or descriptors.
 */
struct watch *watch_new(struct hub *,
    void (*ready_cb)(struct stream *, bool readable, bool writable));
void watch_free(struct watch *); /* NULL is allowed */

/*
 * From now on ready_cb is called when the stream's descriptor has input or
 * its peer is gone and, with writing, when it takes more.  0, or -1 (memory).
 */
int watch_set(struct watch *, struct stream *, bool writing);

/* Before the descriptor is closed or given away; if it is not watched, none. */
void watch_clear(struct watch *, struct stream *);

#endif
