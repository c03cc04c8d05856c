/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_FEED_H
#define CRIER_APACHE_FEED_H

#include <stddef.h>

#include <httpd.h>
#include <util_filter.h>

/*
 * A stream's way to its client: through all of httpd's output filters, but
 * without ever waiting for a client that does not read.
 *
 * httpd waits for a client when it meets a FLUSH bucket, and keeps what is
 * small when it meets none.  So each portion is passed on with a bucket behind
 * it that means nothing (mod_ssl encrypts what it has when another bucket
 * follows), and then the last filter is called without a brigade, as the
 * event MPM does when a socket can be written: it writes what the socket
 * takes, and keeps the rest.  As long as it keeps something nothing more may
 * be put (feed_is_blocked).
 *
 * Streams of HTTP/2 have no socket of their own; they are flushed, which waits.
 */
struct feed {
	request_rec *r;
	ap_filter_t *last;
	apr_bucket_brigade *bb;
	int flushes;
	/* What was put so far, as far as it says where an event ends. */
	char last_byte;
	int between_events;
};

void feed_init(struct feed *, request_rec *);

/* Each: 0, or -1 if the client is gone. */
int feed_put(struct feed *, const char *data, size_t len);
int feed_push(struct feed *);

int feed_is_blocked(const struct feed *);

/*
 * The client is told when to come again, if no event is half sent and it
 * reads: the last that is put before the end.
 */
void feed_put_retry(struct feed *);

/*
 * Gives back to the system what the connection's allocator has free, now and
 * whenever it gets more than an event needs; for a connection that has done
 * most of what it will.
 */
void feed_give_back(const struct feed *);

#endif
