/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_TLS_H
#define CRIER_STORE_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/bufferevent.h>

/*
 * TLS for connections to Redis: 1.2 or later, the server's certificate verified
 * against a file of authorities or the system's, and its name against the host
 * of the URL.  Without libevent_openssl there is none.
 */
struct redis_tls;

/* ca "": the system's authorities.  NULL with *cause, the caller's. */
struct redis_tls *redis_tls_new(const char *ca, char **cause);
void redis_tls_free(struct redis_tls *);

/*
 * A bufferevent that is not connected yet and will speak TLS to a host of this
 * name or address; NULL (memory).  It is told as connected when the server has
 * been verified.
 */
struct bufferevent *redis_tls_bufferevent(struct redis_tls *,
    struct event_base *, const char *host);

/* Why it failed, where TLS was the reason: true, and a text in `to`. */
bool redis_tls_why(struct bufferevent *, char *to, size_t size);

#endif
