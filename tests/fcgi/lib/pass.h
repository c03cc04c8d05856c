/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What a web server's module does that gives crierd its client's own socket.
 * Everything here fails the running cmocka test.
 */
#ifndef CRIER_TESTS_PASS_H
#define CRIER_TESTS_PASS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon.h"
#include "fcgi_client.h"

enum {
	PASS_RECORD = 64, /* the type of the record that passes a socket */
	PASS_MANY = 20    /* descriptors at most in one message */
};

/* A client's connection: the end that the module has, and the client's. */
struct pass_client {
	int passed;
	int fd;
	char got[65536];
	size_t len;
};

/* A TCP connection to ourselves; it ends with pass_client_close. */
void pass_client_open(struct pass_client *);
void pass_client_close(struct pass_client *);
/* The module lets go of its end. */
void pass_client_let_go(struct pass_client *);

/* Reads until the text has come. */
void pass_client_expect(struct pass_client *, const char *text);
/* Whether the client reads an end within that time. */
bool pass_client_is_ended(struct pass_client *, int ms);

/* Sends bytes with descriptors on the first one. */
void pass_send(struct fcgi_conn *, const void *bytes, size_t len,
    const int *fds, size_t count);
/* Sends the record that passes these. */
void pass_record(struct fcgi_conn *, const int *fds, size_t count);

/* Connects, and sends a request that says that a socket may be passed. */
void pass_ask(struct fcgi_conn *, const struct daemon *, const char *uri,
    unsigned flags);
/* Reads the STDOUT records of the head; whether it says X-Crier-Pass. */
bool pass_head(struct fcgi_conn *);
/* Asks for a stream, and expects that its socket is wanted. */
void pass_begin(struct fcgi_conn *, const struct daemon *, const char *uri);
/* Reads the END_REQUEST that says that crierd has taken the socket. */
void pass_expect_taken(struct fcgi_conn *);
/* Passes the client's socket on and lets go of it, as the module does. */
void pass_give(struct fcgi_conn *, const struct daemon *, struct pass_client *,
    const char *uri);
/* Reads STDOUT records until the text has come in one of them. */
void pass_expect_records(struct fcgi_conn *, const char *text);

#endif
