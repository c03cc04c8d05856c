/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_EXCHANGE_H
#define CRIER_REQUEST_EXCHANGE_H

#include "base/buffer.h"
#include "config/config.h"
#include "hub/hub.h"
#include "request/access.h"
#include "request/answer.h"
#include "request/request.h"
#include "request/route.h"

/*
 * One request and what becomes of it, whatever way it came and its answer
 * goes: for all doors.  All that append return 0, or -1 (memory).
 */
struct exchange {
	struct request request;
	struct route route;
	struct access_who who;
	struct answer_context context; /* holds the configuration */
	struct stream_rules rules;
	bool is_padded; /* a stream begins with some bytes more */
};

/* A new one, whose request is to be filled; or NULL (memory). */
struct exchange *exchange_new(const struct config *);
void exchange_free(struct exchange *);

/* Decides on the request; status: 0, or 413 or 431 if it was too large. */
void exchange_decide(struct exchange *, int status);

/* Whether it comes to a stream: one of channels, or of a program's output. */
bool exchange_is_stream(const struct exchange *);

/* Whether the hub's queue is to be asked for the answer. */
bool exchange_is_question(const struct exchange *);

/* Appends the whole answer, if it is neither of these. */
int exchange_put_answer(const struct exchange *, struct buffer *);

/* Appends the answer to whom the hub did not open a stream. */
int
exchange_put_refusal(const struct exchange *, enum hub_answer, struct buffer *);

/* Appends the answer to whom nobody can serve, with the reason. */
int
exchange_put_failure(const struct exchange *, const char *why, struct buffer *);

/* Appends the answer to who shall come again, to a stream or as 503. */
int
exchange_put_later(const struct exchange *, const char *why, struct buffer *);

/*
 * Fills in what the request says of a subscription.  Its head and its end are
 * appended to the buffers, which have to stay, as the exchange has.
 */
int exchange_put_subscription(struct exchange *, struct subscription *,
    struct buffer *head, struct buffer *end);

/* Appends the line to ask the queue. */
int exchange_put_question(const struct exchange *, struct buffer *);

/* Whether that may be asked again if no answer came. */
bool exchange_is_repeatable(const struct exchange *);

/* Appends the answer that follows from the queue's reply. */
int exchange_put_reply(const struct exchange *, const char *reply, size_t len,
    struct buffer *);

#endif
