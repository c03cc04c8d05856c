/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_STREAM_H
#define CRIER_SOURCE_PROGRAM_STREAM_H

#include "config/config_route.h"
#include "hub/hub.h"
#include "request/request.h"
#include "source/program.h"

/*
 * Starts the program of a route for a request, with its CGI environment, and
 * opens a stream of what it prints, as hub_subscribe does with a subscription
 * without channels.  -1 if it cannot be started, which is logged, with what to
 * tell the client in *cause, the caller's.
 */
int program_stream_subscribe(struct hub *, struct programs *,
    const struct config_route *, const struct request *, struct subscription *,
    char **cause);

#endif
