/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_VIEWER_H
#define CRIER_REQUEST_VIEWER_H

#include "config/config_route.h"
#include "request/access.h"
#include "request/request.h"

/*
 * Whether a route that tells a status (config->viewers) tells it to whom asks.
 * A user is one of the web server's; a token must name `$stats` and `$streams`,
 * for visitors have tokens, too.  Pure.
 */
enum access_result viewer_check(const struct config_route *,
    const struct request *, const struct access_who *);

/*
 * Whether a request comes from a program of this machine: its address is a
 * loopback one, no proxy says that it speaks for somebody else, and it was sent
 * to a loopback name by no page of another site, which a browser on this
 * machine may be showing.
 */
bool viewer_is_local(const struct request *);

#endif
