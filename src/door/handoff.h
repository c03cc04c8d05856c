/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_HANDOFF_H
#define CRIER_DOOR_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "config/config_route.h"
#include "door/door.h"
#include "hub/hub.h"
#include "request/request.h"

/*
 * A stream on its way from the door that has its request to the hub that will
 * write it: a line of the queue's protocol, `{"do":"handoff",...}`, with the
 * client's descriptor beside it.  crier(7) names the fields.
 */

/* How the stream's bytes are wrapped. */
#define HANDOFF_FASTCGI "fastcgi"
#define HANDOFF_RAW     "cgi"

/*
 * Appends the line of a subscription, its end included.  With run, the stream
 * is of the output of that route's program, for this request.  0, or -1
 * (memory).
 */
int
handoff_put(struct buffer *, const struct subscription *, const char *framing,
    const struct config_route *run, const struct request *);

/* The word for an answer on the wire, and in *text what it says to people. */
const char *handoff_answer_word(enum hub_answer, const char **text);

/*
 * What the hub replied: the answer, or -1 with the words for anything else
 * (not allowed, not understood).
 */
int
handoff_read_reply(const char *reply, size_t len, char *why, size_t why_size);

/*
 * The hub's side: opens the stream that a line describes, after checking all of
 * it again; the descriptor is taken in any case.  arg is the door.  Appends the
 * reply.  0, or -1 (memory).
 */
int
handoff_take(void *arg, struct json_object *line, int fd, struct buffer *reply);

#endif
