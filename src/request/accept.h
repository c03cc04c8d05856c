/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_ACCEPT_H
#define CRIER_REQUEST_ACCEPT_H

#include <stdbool.h>

/*
 * Whether the field Accept (RFC 9110, 12.5.1; "" if there is none) asks for
 * JSON rather than for an event stream: with a greater weight or, with the same
 * one, by a name that is more exact.  So whoever takes anything, or says
 * nothing, gets the stream.
 */
bool accept_prefers_json(const char *accept);

#endif
