/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * FastCGI records as a web server writes them, good and bad ones: bytes put
 * together as the tests want them. Written from the FastCGI specification
 * 1.0; the section numbers are its own. Aborts when memory is out.
 */
#ifndef CRIER_TESTS_WIRE_H
#define CRIER_TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type { /* 8, "Types and Constants" */
	WIRE_BEGIN_REQUEST = 1,
	WIRE_ABORT_REQUEST = 2,
	WIRE_END_REQUEST = 3,
	WIRE_PARAMS = 4,
	WIRE_STDIN = 5,
	WIRE_STDOUT = 6,
	WIRE_STDERR = 7,
	WIRE_DATA = 8,
	WIRE_GET_VALUES = 9,
	WIRE_GET_VALUES_RESULT = 10,
	WIRE_UNKNOWN_TYPE = 11,
};

enum {
	WIRE_RESPONDER = 1,
	WIRE_AUTHORIZER = 2,
	WIRE_FILTER = 3
};
enum {
	WIRE_KEEP_CONN = 1
};
enum {
	WIRE_HEADER_LEN = 8,
	WIRE_MAX_CONTENT = 65535
};
enum wire_protocol_status {
	WIRE_REQUEST_COMPLETE = 0,
	WIRE_CANT_MPX_CONN = 1,
	WIRE_OVERLOADED = 2,
	WIRE_UNKNOWN_ROLE = 3,
};

/* Bytes that grow; all zero is empty. */
struct bytes {
	uint8_t *at;
	size_t len;
	size_t cap;
};

void bytes_add(struct bytes *bytes, const void *more, size_t len);
void bytes_add_text(struct bytes *bytes, const char *text);
void bytes_add_fill(struct bytes *bytes, char fill, size_t len);
/* Removes the first LEN bytes. */
void bytes_drop(struct bytes *bytes, size_t len);
/* Frees the memory; empty afterwards. */
void bytes_clear(struct bytes *bytes);

/* One record (3.3), CONTENT of at most WIRE_MAX_CONTENT bytes. */
void wire_record(struct bytes *to, int type, unsigned id, const void *content,
    size_t len, unsigned padding);
/* The 8 bytes of a record's header alone, any values. */
void wire_header(struct bytes *to, int version, int type, unsigned id,
    size_t len, unsigned padding);
/* BEGIN_REQUEST (5.1) with FLAGS 0 or WIRE_KEEP_CONN. */
void wire_begin(struct bytes *to, unsigned id, unsigned role, unsigned flags);
/* A stream of records (3.3, "Stream record types") with at most CHUNK bytes
 * of content each, and the empty one that ends it. */
void wire_stream(struct bytes *to, int type, unsigned id,
    const struct bytes *content, size_t chunk, unsigned padding);

/* A name-value pair (3.4); LONG_FORM: four-byte lengths even if short. */
void wire_pair(struct bytes *to, const void *name, size_t name_len,
    const void *value, size_t value_len, bool long_form);
void wire_pair_text(struct bytes *to, const char *name, const char *value);

/* A whole request; zero means the usual: id 1, RESPONDER, GET, no flags,
 * no body, records as large as may be, no padding. */
struct wire_request {
	unsigned id;
	unsigned role;
	unsigned flags;
	const char *method;
	const char *uri;
	const char *const *extra; /* name, value, ..., NULL */
	const void *body;
	size_t body_len;
	size_t chunk;
	unsigned padding;
	bool long_form;
};

/* The content of the request's PARAMS stream: what web servers send. */
void wire_params(struct bytes *to, const struct wire_request *request);
/* All records of the request: BEGIN_REQUEST, PARAMS, STDIN. */
void wire_request(struct bytes *to, const struct wire_request *request);
/* GET of URI with id 1: the shortest way to a usual request. */
void wire_get(struct bytes *to, const char *uri, unsigned flags);

#endif
