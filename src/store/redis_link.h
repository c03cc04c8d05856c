/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_LINK_H
#define CRIER_STORE_REDIS_LINK_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "protocol/redis_url.h"
#include "store/redis_tls.h"

/*
 * One connection to a Redis (or a sentinel): found, connected, verified, logged
 * in, and then commands in a row and their replies in the same order.  It never
 * waits.  Whatever goes wrong ends it, once, with a reason: an address that
 * nobody listens at, a wrong password, a reply that is no RESP, is larger than
 * REDIS_LINK_REPLY_BYTES or has more than REDIS_LINK_ELEMENTS, or does not come
 * in time.  Whoever wants another connection makes one.
 */
struct redis_link;

enum {
	/* From the name to the login's end, and for each address but one. */
	REDIS_LINK_CONNECT_MS = 2000,
	REDIS_LINK_REPLY_MS = 2500, /* for a reply, or the next part of it */
	REDIS_LINK_REPLY_PART = 64 * 1024,
	REDIS_LINK_REPLY_BYTES = 64 * 1024 * 1024,
	REDIS_LINK_ELEMENTS = 1024 * 1024,
	REDIS_LINK_WHY_SIZE = 160
};

/* Whom to connect to; all of it must stay as long as the link. */
struct redis_link_peer {
	const char *path;              /* of a Unix socket; or NULL */
	const struct redis_host *host; /* otherwise */
	struct redis_tls *tls;         /* NULL: without */
	const char *user, *password;   /* "": none is needed */
	const char *db;                /* "0" or NULL: no SELECT */
};

struct redis_link_owner {
	/* Commands may be given from now on. */
	void (*up)(void *arg);
	/*
	 * It is over: commands without a reply get none.  Called at most once,
	 * never by redis_link_new or redis_link_free.
	 */
	void (*down)(void *arg, const char *why);
	void *arg;
};

/* The reply is the link's, and gone when this returns. */
typedef void redis_link_cb(void *arg, const redisReply *);

/* A command's words. */
struct redis_words {
	const char **text;
	size_t *len;
	size_t count, room;
};

/* Begins to connect; NULL: memory. */
struct redis_link *redis_link_new(struct event_base *,
    const struct redis_link_peer *, const struct redis_link_owner *);

/* Closes it; every callback may do so.  NULL is allowed. */
void redis_link_free(struct redis_link *);

/*
 * Sends a command; its reply's callback is called unless the link ends before.
 * A reply that is an error is a reply.  -1: the link is not up, or memory.
 */
int redis_link_send(struct redis_link *, const struct redis_words *,
    redis_link_cb *, void *arg);

/* Commands without a reply yet. */
size_t redis_link_waiting(const struct redis_link *);

#endif
