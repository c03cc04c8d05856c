/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_STREAMS_H
#define CRIER_TESTS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/state.h"

/*
 * A hub on a loop of its own, and clients at the other ends of its streams.
 * What goes wrong fails the test.
 */

/* Ids are STREAMS_MS-1, STREAMS_MS-2, … whatever the clock says. */
#define STREAMS_MS UINT64_C(9000000000000)

struct streams {
	struct event_base *base;
	struct config *config;
	struct store *store;
	struct hub *hub;
	struct streams_published *published; /* the last one */
	struct framing framings[2];          /* raw, FastCGI */
	int returned_fd; /* given back by a stream; -1: none */
};

/* With these settings over the defaults; NULL: none. */
void streams_setup(struct streams *, const char *const *settings);
void streams_teardown(struct streams *);

/* What a client asks for.  Names are separated by commas. */
struct streams_request {
	const char *channels;
	bool is_framed;      /* FastCGI */
	uint16_t request_id; /* 0: 258 */
	bool keep;
	bool since_all, has_last, is_terse, is_tagged;
	uint64_t last;
	const char *since, *user, *address;
	bool is_poll; /* these as in struct subscription */
	uint64_t poll_ms, poll_above;
};

struct streams_client {
	bool is_framed;
	uint16_t request_id;
	bool is_ended; /* END_REQUEST has come */
	bool is_over;  /* the end of file has */
	int fd;
	struct stream *stream; /* while it lives */
	struct buffer wire;    /* not a whole record yet */
	struct buffer text;    /* what it got, without records */
};

/* Asks; with HUB_OPENED the client has its stream. */
enum hub_answer streams_ask(struct streams *, struct streams_client *,
    const struct streams_request *);

/* The same, must be opened. */
void streams_open(struct streams *, struct streams_client *,
    const struct streams_request *);
void streams_close(struct streams_client *);

/* Publishes (not yet delivered); the number of its id. */
unsigned
streams_publish(struct streams *, const char *channels, const char *data);

/* A store that keeps nothing; store_close it. */
struct store *streams_open_store(struct event_base *);

/* What became of an event. */
struct streams_published {
	char id[EVENT_NAME_MAX + 1];
	size_t id_len;
	size_t streams; /* set by streams_deliver, of the last one published */
	const char *refusal;
	int code;
};

/*
 * The same, with all fields; 0, or -1 with refusal and code.  It is in the
 * histories when streams_deliver was called.
 */
int streams_publish_event(struct streams *, const char *channels,
    const struct event_fields *, struct streams_published *);

/* Ends the turn: what was published is committed, appended, delivered. */
void streams_deliver(struct streams *);

/* Takes what has come; every record must be well-formed. */
size_t streams_take(struct streams_client *);

/* Turns the loop, and takes, until nothing happens any more. */
void streams_settle(struct streams *, struct streams_client *, size_t count);

/* The text so far must be this; then it is forgotten. */
void streams_assert(struct streams_client *, const struct buffer *want);
void streams_assert_text(struct streams_client *, const char *want);

/* Appends what a stream begins with, and the records of events. */
void streams_put_head(struct buffer *, const char *id);
void streams_put_event(struct buffer *, unsigned n, const char *data);

#endif
