/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_RECORD_H
#define CRIER_DOOR_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* FastCGI records (FastCGI Specification 1.0, 3.3 and 5), as bytes. */

struct record {
	uint8_t version, type;
	uint16_t request_id;
	size_t content_len, padding_len;
	const char *content;
};

/*
 * Reads the record at the front of data.  Returns its length, content and
 * padding included, or 0: more is needed.  content points into data.
 */
size_t record_parse(const char *data, size_t len, struct record *);

/* The header of a STDOUT record of content_len bytes (at most 65535). */
void record_put_stdout(char *to, uint16_t request_id, size_t content_len);

/*
 * Appends the records of a request that has these parameters and no body, as
 * request id 1, to be kept alive; 0, or -1 (memory) with the buffer unchanged.
 */
int record_append_request(struct buffer *, const char *params, size_t len);

/* Appends what is named; 0, or -1 (memory) with the buffer unchanged. */
int record_append_stdout(struct buffer *, uint16_t request_id, const char *data,
    size_t len);
int record_append_end(struct buffer *, uint16_t request_id, uint8_t status);
int record_append_end_with(struct buffer *, uint16_t request_id,
    uint8_t app_status, uint8_t status);
int record_append_unknown_type(struct buffer *, uint8_t type);

/* An empty STDOUT, then END_REQUEST with FCGI_REQUEST_COMPLETE. */
int record_append_finish(struct buffer *, uint16_t request_id);

/*
 * The answer to a GET_VALUES record: each known name that is asked for, once.
 * Names that are malformed or unknown are left out (4.1).
 */
int record_append_values(struct buffer *, const struct record *,
    size_t max_connections);

#endif
