/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_STORE_REDIS_PEER_H
#define CRIER_STORE_REDIS_PEER_H

#include "store/redis_link.h"

/* Whom a URL means, and what belongs to that. */
struct redis_peer {
	struct redis_link_peer link;
	char *password, *sentinel_password; /* "": none */
};

/*
 * Whom a URL means, with the password of a file ("" or NULL: none), which
 * others may not read, and with TLS if the URL says so.  The file's second line
 * is the sentinels' password.  Where the hosts are sentinels, link.host is for
 * the caller to set.  The URL must stay.  0, or -1 with *cause (base/cause.h).
 * Call redis_peer_clear either way.
 */
int redis_peer_init(struct redis_peer *, const struct redis_url *,
    const char *password_file, char **cause);
void redis_peer_clear(struct redis_peer *);

#endif
