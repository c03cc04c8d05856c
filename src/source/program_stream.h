/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_STREAM_H
#define CRIER_SOURCE_PROGRAM_STREAM_H

#include "hub/hub.h"
#include "request/opening.h"
#include "source/program.h"

/*
 * Starts an opening's program, with the CGI environment of its request, and
 * opens a stream of what the program prints.  The result is the hub's answer;
 * or a refusal, for the client, if the program cannot be started, which is then
 * logged.
 */
void program_stream_open(struct hub *, struct programs *, struct opening *,
    struct opening_result *);

#endif
