/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_ASK_H
#define CRIER_APACHE_ASK_H

#include <httpd.h>

#include "apache/upstream.h"

/* The request, as crierd gets it: CGI's variables and the body. */

/*
 * Before crierd is asked: reads a body whose length the client did not say,
 * up to 1 MiB, and puts it into *body, which is otherwise NULL.  OK, or what
 * the handler is to return.
 */
int ask_prepare(request_rec *, apr_bucket_brigade **body);

/*
 * Sends all of the request.  may_pass: crierd is told that it may have the
 * client's socket.  OK; a status: what the client sent is broken; -1: crierd
 * is gone or late.
 */
int ask_send(request_rec *, struct upstream *, apr_bucket_brigade *body,
    int may_pass);

#endif
