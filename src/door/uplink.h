/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_UPLINK_H
#define CRIER_DOOR_UPLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "base/buffer.h"

/*
 * A door's connection to the hub's queue: lines out, some with a descriptor
 * (SCM_RIGHTS, unix(7)), and one reply for each, in order.  The hub may be
 * another process, which may end: what may be said twice is then said again to
 * the next one.
 */
struct uplink;
struct uplink_request;

/* The reply, without its end; NULL: none will come.  Called once. */
typedef void uplink_reply_cb(void *arg, const char *reply, size_t len);

/* Not connected; or NULL (memory).  lost_cb: the connection has ended. */
struct uplink *
uplink_new(struct event_base *, void (*lost_cb)(void *arg), void *arg);

/* Calls nobody back. */
void uplink_free(struct uplink *);

/* Takes a connected, non-blocking socket; what waits is sent.  0, or -1. */
int uplink_attach(struct uplink *, int fd);
bool uplink_is_attached(const struct uplink *);

/* Whether all that was asked is answered. */
bool uplink_is_idle(const struct uplink *);

/*
 * Sends a line (taken from the buffer, its end included) and, unless -1, fd,
 * which has to stay open until the reply.  With repeat it is sent again if the
 * connection ends before the reply.  NULL: out of memory, nothing is sent.
 */
struct uplink_request *uplink_send(struct uplink *, struct buffer *line, int fd,
    bool repeat, uplink_reply_cb *, void *arg);

/*
 * Whoever asked is gone and must not be called back.  Returns whether the hub
 * may have heard of it.
 */
bool uplink_forget(struct uplink *, struct uplink_request *);

#endif
