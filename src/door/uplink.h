/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_UPLINK_H
#define CRIER_DOOR_UPLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "base/buffer.h"

/*
 * A door's connection to the hub's queue: lines go out, some with a descriptor
 * (SCM_RIGHTS, unix(7)), and one reply comes for each, in order.  A hub in
 * another process may end; lines that may be repeated are then sent again, to
 * the next hub.
 */
struct uplink;
struct uplink_request;

/* Takes the reply, without its end; NULL: none will come.  Called once. */
typedef void uplink_reply_cb(void *arg, const char *reply, size_t len);

/*
 * An uplink that is not connected yet; or NULL (memory).  lost_cb is called
 * when its connection has ended.
 */
struct uplink *
uplink_new(struct event_base *, void (*lost_cb)(void *arg), void *arg);

/* Frees it, and calls nobody back. */
void uplink_free(struct uplink *);

/*
 * Takes a connected, non-blocking socket, and sends on it what waits.  0, or
 * -1 (memory).
 */
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
 * Forgets a request, whose asker is gone and must not be called back.  Returns
 * whether the hub may have heard of it.
 */
bool uplink_forget(struct uplink *, struct uplink_request *);

#endif
