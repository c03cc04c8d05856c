/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_PASS_H
#define CRIER_APACHE_PASS_H

#include <httpd.h>

#include "apache/mod_crier.h"
#include "apache/upstream.h"

/*
 * A client's own socket goes to crierd, and httpd keeps nothing of the stream.
 *
 * 1. The parameter CRIER_PASS=1 tells crierd that it may have the socket.
 * 2. crierd, if it is willing, adds the header X-Crier-Pass: 1 to the head of
 *    a stream, and holds everything else back for a second.
 * 3. The head goes to the client through httpd's filters, all of it.
 * 4. A record of type 64 goes to crierd, with the socket on its first byte.
 *    Without it: httpd keeps the client, and crierd need not wait.
 * 5. crierd answers END_REQUEST with appStatus 1: the socket is its, and it
 *    writes to it as it is.  Anything else: it goes on by FastCGI.
 */

/*
 * Whether the socket could be passed: it is plain HTTP/1, crierd is on this
 * machine, and nothing between here and the client has to see the bytes of
 * the stream.
 */
int pass_is_possible(request_rec *, const struct crier_config *);

/* From crierd's head: whether it is willing; the header is taken off. */
int pass_is_wanted(request_rec *);

enum pass_result {
	PASS_DONE,    /* crierd has the client; the handler returns OK */
	PASS_REFUSED, /* the stream goes on by FastCGI, its head is sent */
	PASS_GONE     /* the client has left, or was shut out */
};

/*
 * Steps 3 to 5.  What crierd sends of the stream instead of step 5 is put into
 * data, *len bytes.
 */
enum pass_result pass_client(request_rec *, struct upstream *, char *data,
    size_t size, size_t *len);

/*
 * Whether the last stream of this process was passed: then a place of those
 * that httpd itself serves need not be reserved for the next.
 */
int pass_is_usual(void);

#endif
