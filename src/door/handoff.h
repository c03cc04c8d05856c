/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_HANDOFF_H
#define CRIER_DOOR_HANDOFF_H

#include <stddef.h>

#include <json-c/json.h>

#include "base/buffer.h"
#include "hub/hub.h"
#include "request/opening.h"

/*
 * A stream on its way from the door that has its request to the hub that will
 * write it: a line of the queue's protocol, `{"do":"handoff",...}`, with the
 * client's descriptor beside it.  crier(7) names the fields.
 */

/* How the stream's bytes are wrapped. */
#define HANDOFF_FASTCGI "fastcgi"
#define HANDOFF_RAW     "cgi"

/* Appends an opening's line, its end included.  0, or -1 (memory). */
int handoff_put(struct buffer *, const struct opening *, const char *framing);

/* The word for one of the hub's answers in a reply. */
const char *handoff_answer_word(enum hub_answer);

/* Reads the hub's reply: its answer, or why it has not taken the line. */
void handoff_read_reply(const char *reply, size_t len, struct opening_result *);

/*
 * The hub's side: checks a line again, opens the stream that it describes, and
 * appends the reply.  The descriptor is taken in any case.  arg is the door.
 * 0, or -1 (memory).
 */
int
handoff_take(void *arg, struct json_object *line, int fd, struct buffer *reply);

#endif
