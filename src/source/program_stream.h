/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_STREAM_H
#define CRIER_SOURCE_PROGRAM_STREAM_H

#include "hub/hub.h"
#include "request/opening.h"
#include "source/program.h"

/*
 * Starts the program of an opening for its request, with the CGI environment
 * of that, and opens a stream of what it prints, as hub_subscribe does.  A
 * program that cannot be started is logged; the result has a refusal then, with
 * what to tell the client, and is else the hub's answer.
 */
void program_stream_open(struct hub *, struct programs *, struct opening *,
    struct opening_result *);

#endif
