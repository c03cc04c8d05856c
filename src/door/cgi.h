/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_CGI_H
#define CRIER_DOOR_CGI_H

#include <stdbool.h>

#include "config/config.h"

/*
 * The CGI door (RFC 3875): one request, from the environment and standard
 * input.  A short answer is written to standard output; a stream is handed,
 * with standard output, to the hub of the configuration's queue, which is
 * started if there is none.  After that the process is not needed any more.
 */

/* Whether this process was started as a CGI program. */
bool cgi_is_request(void);

/*
 * Serves the request; returns the exit status of the process.  trouble is why
 * nothing can be served, so that the client is told to come again; or NULL.
 */
int cgi_serve(const struct config *, const char *trouble);

#endif
