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
 * started if there is none.  The process is not needed after that.
 */

/* Whether this process was started as a CGI program. */
bool cgi_is_request(void);

/*
 * Serves the request; the exit status of the process.  With trouble, which is
 * why no stream can be opened, the client is told to come again.
 */
int cgi_serve(const struct config *, const char *trouble);

#endif
