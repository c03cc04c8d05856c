/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_RELAY_H
#define CRIER_APACHE_RELAY_H

#include <httpd.h>

#include "apache/upstream.h"

/*
 * Streams without a worker, under the event MPM: one thread of each child
 * carries the bytes of all its streams.
 *
 * Who may touch a connection: the worker, until the MPM calls the
 * suspend_connection hook; then the relay's thread alone, until it destroys
 * the connection's pool.  2.4 has no way to give a suspended connection back,
 * but to destroy its pool is complete: that closes the socket, and the MPM
 * counts its connections by a cleanup of it.
 *
 * A stream is OPEN; then DRAINING while the client has not yet read all of
 * it; then LINGERING, the request being over and logged, until the client has
 * closed its side or some seconds have passed.
 */

/* For the child_init hook; without an event MPM there will be no relay. */
void relay_child_init(apr_pool_t *child, server_rec *);

/* For the child_stopping hook; ungraceful: streams end without delay. */
void relay_stop(void);

/* For the suspend_connection hook. */
void relay_suspend(conn_rec *);

/* Whether the stream that this request may become can be relayed. */
int relay_can_take(const request_rec *);

/*
 * Takes over a stream, with its PLACE_RELAYED and, of *upstream, the
 * descriptor; data is the first of its bytes.  Returns what the handler
 * returns.
 */
int relay_take(request_rec *, struct upstream *upstream, const char *data,
    size_t len);

#endif
