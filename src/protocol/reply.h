/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_REPLY_H
#define CRIER_PROTOCOL_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/buffer.h"
#include "base/text.h"

/*
 * What a hub answers to a line of the queue's protocol (crier(7)): one line,
 * an object with "ok", and with "error" and "code" when that is false.  Here
 * such lines are made and read, on either side of the queue.
 */

/*
 * The beginning of a reply, for json_add and json_append_line; NULL for want
 * of memory, which these know.
 */
struct json_object *reply_new(bool is_ok);

/* Adds to a refusal why, and a code of sysexits(3). */
void reply_add_error(struct json_object *, int code, const char *error);

/* Appends a whole refusal.  0, or -1 (memory): nothing is appended. */
int reply_put_error(struct buffer *, int code, const char *error);

/*
 * Appends the reply to an event: the id that its clients see, and how many
 * streams follow its channels.  is_duplicate: it was published before, and the
 * id is from then.  As above.
 */
int reply_put_event(struct buffer *, struct text_span id, size_t streams,
    bool is_duplicate);

/*
 * The same, fast, of a new event with an id that the hub has made: nothing in
 * it must be escaped.
 */
int reply_put_new_event(struct buffer *, struct text_span id, size_t streams);

/* A reply that was read.  What it does not say is NULL, false or 0. */
struct reply {
	struct json_object *json; /* all of it */
	bool is_ok;
	int code;          /* of sysexits(3), below 126 */
	const char *error; /* the reply's */
};

/*
 * Reads a line without its end; 0, or -1: it is no reply.  reply_clear either
 * way.
 */
int reply_read(struct reply *, const char *line, size_t len);
void reply_clear(struct reply *);

/*
 * What a reply means for who ends with an exit code: 0 for ok, or the code
 * (EX_DATAERR if it names none, EX_TEMPFAIL if it is no reply) and in why the
 * error, fit for a terminal.
 */
int reply_code(const char *line, size_t len, char *why, size_t why_size);

/* The id in a reply, the caller's to free, or NULL. */
char *reply_id(const char *line, size_t len);

#endif
