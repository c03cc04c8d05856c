/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_HOLD_H
#define CRIER_APACHE_HOLD_H

#include <httpd.h>

#include "apache/upstream.h"

/*
 * A stream that keeps a worker, for HTTP/2, internal redirects, and the MPMs
 * in which a connection cannot be without one.  Returns when it has ended, or
 * when this process is asked to.  data is the first of the stream's bytes.
 */
void
hold_stream(request_rec *, struct upstream *, const char *data, size_t len);

#endif
