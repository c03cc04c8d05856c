/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_UPSTREAM_H
#define CRIER_APACHE_UPSTREAM_H

#include <sys/types.h>

#include <apr_time.h>

#include "apache/record.h"

/* A connection to crierd, for one request. */

struct upstream {
	int fd; /* -1: none; otherwise it does not block */
	struct record_reader records;
};

/*
 * Connects, within some seconds.  where is a path, unix:PATH, or
 * tcp:HOST:PORT (HOST may be [an IPv6 address]); NULL is the default path.
 * 0, or -1 with errno.
 */
int upstream_open(struct upstream *, const char *where);

/* What is wrong with a CrierSocket, or NULL. */
const char *upstream_check(const char *where);

/* Whether crierd is on this machine, reached by a path. */
int upstream_is_local(const char *where);

/*
 * Sends all of it, waiting for as long as timeout each time that nothing can
 * be sent.  0; 1: crierd has begun to answer instead of reading on; -1: it
 * is gone, late, or this process ends.
 */
int upstream_send(struct upstream *, const char *data, size_t len,
    apr_interval_time_t timeout);

/*
 * Waits for something to read.  0; -1: late, or this process ends.  When it
 * is asked to stop gracefully the wait becomes a few seconds at most.
 */
int upstream_wait(const struct upstream *, apr_interval_time_t timeout);

/*
 * Reads what is there, without waiting: how many bytes of the answer are in
 * data now, 0 if none came, -1 if no more will come.  Bytes that came with
 * the end are returned before it.
 */
ssize_t upstream_read(struct upstream *, char *data, size_t size);

/* May be called again. */
void upstream_close(struct upstream *);

#endif
