/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The web server's side of a FastCGI connection, for driving crierd without a
 * web server. Nothing here waits longer than it is told to; times are in
 * milliseconds and are multiplied by $CRIER_TEST_SLOW.
 */
#ifndef CRIER_TESTS_FCGI_CLIENT_H
#define CRIER_TESTS_FCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum {
	FCGI_SOON_MS = 5000,
	FCGI_LONG_MS = 30000,
	FCGI_NOTHING_MS = 150
};

struct fcgi_conn {
	int fd; /* -1: closed */
	struct bytes in;
	size_t taken;    /* of in: the record that was read last */
	size_t max_read; /* bytes a read takes at most; 0: what there is */
};

/* Points into the connection; good until the next read of it. */
struct fcgi_record {
	uint8_t type;
	unsigned id;
	const uint8_t *content;
	size_t len;
	unsigned padding;
};

/* What one request got: header and body still as they came. */
struct fcgi_reply {
	struct bytes out;
	bool ended; /* END_REQUEST came; else the connection was closed */
	uint32_t app_status;
	uint8_t protocol_status;
};

/* MS milliseconds from now on the monotonic clock, scaled. */
int64_t fcgi_deadline(int ms);
/* Milliseconds until then, as poll() wants them; 0 when it is past. */
int fcgi_remaining(int64_t deadline);

/* Connects to "unix:PATH" or "tcp:HOST:PORT" (an IPv6 host in brackets).
 * rcvbuf: SO_RCVBUF in bytes, 0 for the system's. Returns 0, or -1 with
 * errno and the connection closed. */
int fcgi_open(struct fcgi_conn *conn, const char *address, int rcvbuf);
void fcgi_close(struct fcgi_conn *conn);

/* Sends all, waiting up to FCGI_SOON_MS for room. 0, or -1 with errno
 * (ETIMEDOUT: no room). */
int fcgi_send(struct fcgi_conn *conn, const void *bytes, size_t len);
int fcgi_send_bytes(struct fcgi_conn *conn, const struct bytes *bytes);

/* Reads one record. 1; 0: the peer closed between two records; -1 with errno:
 * ETIMEDOUT, EPROTO (not version 1), EPIPE (closed inside a record), or the
 * socket's. */
int fcgi_read(struct fcgi_conn *conn, struct fcgi_record *record, int ms);
/* Whether the peer closes within ms, whatever it sends before. */
bool fcgi_is_closed(struct fcgi_conn *conn, int ms);
/* Whether nothing comes for that long and the connection stays. */
bool fcgi_is_silent(struct fcgi_conn *conn, int ms);

/* Reads records until request ID has ended or the peer closes. 0, or -1 with
 * errno: EPROTO for a record that does not belong to that request. REPLY is
 * made anew and cleared by the caller. */
int fcgi_read_reply(struct fcgi_conn *conn, unsigned id,
    struct fcgi_reply *reply, int ms);
void fcgi_reply_clear(struct fcgi_reply *reply);
/* The CGI response's status (RFC 3875, 6.3.3), 200 when it names none, -1
 * when it is no CGI response. */
int fcgi_reply_status(const struct fcgi_reply *reply);
/* The body's offset behind the header's blank line, or 0. */
size_t fcgi_body_at(const struct bytes *out);
/* A copy of a header field's value, the caller's to free, or NULL. */
char *fcgi_header_value(const struct bytes *out, const char *name);

#endif
