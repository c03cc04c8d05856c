/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_HANDING_H
#define CRIER_TESTS_HANDING_H

#include <stddef.h>

#include "base/buffer.h"
#include "door/door.h"
#include "streams.h"

/*
 * A hub, its door and its queue, and what other processes' doors would say to
 * it.  What goes wrong fails the test.
 */
struct handing {
	struct streams hub;
	struct door *door;
	struct queue *queue;
	struct buffer reply; /* to the last line; terminated */
	size_t descriptors;  /* open when it began */
};

/* With these settings over the defaults; NULL: none. */
void handing_setup(struct handing *, const char *const *settings);

/* Nothing may be left open. */
void handing_teardown(struct handing *);

/*
 * Takes a line with this descriptor, which is gone then, unless -1.  The answer
 * is in reply.
 */
void handing_take(struct handing *, const char *line, int fd);

/*
 * The line of a good handoff in this framing, with members (", "NAME":…")
 * behind the others, of which the last of a name counts.  Valid until the next
 * call.
 */
const char *handing_line(const char *framing, const char *members);

/* The reply must be this line. */
void handing_assert(struct handing *, const char *reply);

/* It must be a refusal of the line, for this reason (a part of it). */
void handing_assert_refused(struct handing *, const char *why);

/* The end that is handed over, non-blocking or not, is fds[0]. */
void handing_socketpair(int fds[2]);
void handing_pipe(int fds[2]);

/* A client of the stream that has the other end. */
void handing_client(struct streams_client *, int fd, bool is_framed);

/* Turns the loop until nothing happens any more. */
void handing_turn(struct handing *);

/* How many descriptors this process has open. */
size_t handing_descriptors(void);

/* A connection to the queue: a socket of the test's own. */
int handing_connect(struct handing *);

/* Sends bytes with descriptors; all of them in one message. */
void handing_send(int sock, const char *text, const int *fds, size_t count);

/* What the queue has said since, in one text; valid until the next call. */
const char *handing_said(struct handing *, int sock);

extern const char handing_opened[], handing_full[];

#endif
