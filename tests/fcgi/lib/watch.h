/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * An event stream over FastCGI as a browser would see it: every STDOUT record
 * goes through the reference parser, and what it dispatches is kept.
 */
#ifndef CRIER_TESTS_WATCH_H
#define CRIER_TESTS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../unit/lib/sse_parser.h"
#include "fcgi_client.h"

struct watch_event {
	char *type;
	char *data;
	size_t data_len;
	char *id;
};

struct watch {
	struct fcgi_conn conn;
	struct bytes head; /* the CGI header, to its blank line */
	struct sse_parser *parser;
	struct watch_event *events;
	size_t count;
	size_t cap;
	uint64_t retry_ms;  /* the last retry: seen */
	size_t stdouts;     /* STDOUT records with content */
	size_t cut_records; /* of those, how many ended inside an event */
	unsigned id;        /* the request's */
	unsigned comments;
	unsigned retries; /* how many retry: were seen */
	uint32_t app_status;
	uint8_t protocol_status;
	bool open;   /* the header is complete */
	bool ended;  /* END_REQUEST came */
	bool closed; /* the connection was closed */
};

/* Connects, sends the request and waits for the stream's first bytes (the
 * block with the first id). 0, or -1 with errno. Cleared by the caller. */
int watch_open(struct watch *watch, const char *address,
    const struct wire_request *request);
/* The same for GET URI. */
int watch_get(struct watch *watch, const char *address, const char *uri);
/* Takes CONN over, on which the request for ID has been sent. */
int watch_adopt(struct watch *watch, struct fcgi_conn *conn, unsigned id);
/* Closes the connection and frees what is kept. */
void watch_clear(struct watch *watch);
/* Frees what is kept; the connection is given back through CONN. */
void watch_release(struct watch *watch, struct fcgi_conn *conn);

/* Reads one record; as fcgi_read(). EPROTO for a record that is neither STDOUT
 * nor END_REQUEST of this request, or comes behind its end. */
int watch_take(struct watch *watch, int ms);
/* Reads until COUNT events were dispatched in all. 0, or -1 with errno (EPIPE:
 * the stream ended before). */
int watch_events(struct watch *watch, size_t count, int ms);
/* Reads until the request has ended or the connection is closed. 0 or -1. */
int watch_end(struct watch *watch, int ms);

/* Whether event I is of TYPE with the data TEXT. */
bool watch_is(const struct watch *watch, size_t i, const char *type,
    const char *text);
/* The number of a daemon_publish_many() event of SIZE bytes; -1 when it is
 * none or a byte of it is wrong. */
long watch_number(const struct watch_event *event, size_t size);

#endif
