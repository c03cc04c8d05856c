/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_RECORD_H
#define CRIER_APACHE_RECORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * FastCGI's records (FastCGI Specification 1.0, 3.3, 3.4 and 5), as far as a
 * web server needs them that has one request on each connection.  Does no
 * I/O.
 */

enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
	/* Ours: on its first byte is the client's own socket (SCM_RIGHTS). */
	RECORD_CLIENT = 64
};

enum {
	RECORD_HEADER = 8,
	/* The longest content that needs no padding for alignment. */
	RECORD_CONTENT_MAX = 65528
};

/* The header of a record of request 1, without padding. */
void record_put_header(char *to, enum record_type, size_t content_len);

/* A BEGIN_REQUEST record: responder, to be closed.  16 bytes. */
void record_put_begin(char *to);

/* How many bytes record_put_pair() writes at most. */
size_t record_pair_size(const char *name, const char *value);

/* A name-value pair (3.4); returns the byte behind it. */
char *record_put_pair(char *to, const char *name, const char *value);

/* Where a connection is in the records that come; zero at its beginning. */
struct record_reader {
	unsigned char header[RECORD_HEADER];
	unsigned header_len;
	size_t content_left, padding_left;
	uint32_t app_status;
	unsigned app_status_len;
	int ended; /* END_REQUEST is there; app_status is its */
};

/*
 * Takes bytes however they are split, and leaves at the front of data the
 * content of the STDOUT records among them; returns its length.  Everything
 * else, STDERR included, is dropped.
 */
size_t record_strip(struct record_reader *, char *data, size_t len);

#endif
