/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ORIGIN_H
#define CRIER_REQUEST_ORIGIN_H

#include <stdbool.h>

#include "config/config.h"
#include "request/request.h"

/*
 * Whose page makes a browser ask (RFC 6454; Fetch Metadata).  Pure.
 */

/*
 * Whether an origin, SCHEME://HOST[:PORT], is of the host that a field Host
 * names (RFC 9110, 7.2).  A port that is left out is the scheme's own; "null"
 * is of no host.
 */
bool origin_is_of_host(const char *origin, const char *host);

/*
 * Whether allow-origin names the origin, which a browser writes in small
 * letters, however the setting is written.  "*" names none.
 */
bool origin_is_named(const char *origin, const struct config *);

/*
 * Whether the page that asks is of this site, or of an origin that allow-origin
 * names; and whether it is no page at all.
 */
bool origin_is_own(const struct request *, const struct config *);

#endif
