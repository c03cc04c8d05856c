/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What the test programs share: a crierd per test, and assertions that are
 * more than one line. Everything here fails the running cmocka test.
 */
#ifndef CRIER_TESTS_SUPPORT_H
#define CRIER_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon.h"
#include "fcgi_client.h"
#include "watch.h"
#include "wire.h"

/* A test with a crierd as its state; OPTIONS as daemon_start() has them,
 * wrapped in a structure because cmocka's pointers are not const. */
struct support_options {
	const char *list[8];
};
#define SUPPORT_TEST_WITH(test, options)                              \
	cmocka_unit_test_prestate_setup_teardown(test, support_setup, \
	    support_teardown, options)
#define SUPPORT_TEST(test) SUPPORT_TEST_WITH(test, NULL)

/* The initial state is a struct support_options or NULL. */
int support_setup(void **state);
/* Fails when crierd ended, ends badly or a sanitizer complained. */
int support_teardown(void **state);

/* A connection to crierd. */
void support_open(struct fcgi_conn *conn, const struct daemon *daemon);
/* Sends the bytes and clears them. */
void support_send(struct fcgi_conn *conn, struct bytes *bytes);
/* Sends a request. */
void
support_request(struct fcgi_conn *conn, const struct wire_request *request);
/* Reads a whole reply to ID: ended in order, with this HTTP status. */
void support_expect_reply(struct fcgi_conn *conn, unsigned id, int status);
/* Reads END_REQUEST for ID, as the next record. */
void support_expect_end(struct fcgi_conn *conn, unsigned id,
    enum wire_protocol_status status);

/* Opens a stream of /events?channel=CHANNEL. */
void support_watch(struct watch *watch, const struct daemon *daemon,
    const char *channel);
/* Publishes TEXT and expects it as the next event of every one of the COUNT
 * streams, none of which has an event unread. */
void support_expect_live(const struct daemon *daemon, const char *channel,
    const char *text, struct watch *watches, size_t count);
/* Closes the channel's streams from the queue and reads the end of one. */
void support_close_channel(const struct daemon *daemon, const char *channel,
    struct watch *watch);

/* crierd lives, has no stream left, and serves a new one at once. */
void support_expect_healthy(const struct daemon *daemon);

/* Waits until crierd has seen what was sent before: two turns of its loop. */
void support_turn(const struct daemon *daemon);

#endif
