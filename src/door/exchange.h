/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_EXCHANGE_H
#define CRIER_DOOR_EXCHANGE_H

#include "base/buffer.h"
#include "base/config.h"
#include "door/answer.h"
#include "door/request.h"
#include "door/route.h"
#include "hub/hub.h"

/*
 * One request and what becomes of it, whatever way it came and its answer
 * goes: for all doors.
 */
struct exchange {
	struct request request;
	struct route route;
	struct answer_context context;
	bool is_padded; /* a stream begins with some bytes more */
};

/* A new one, whose request is to be filled; or NULL (memory). */
struct exchange *exchange_new(const struct config *);
void exchange_free(struct exchange *);

/* Decides on the request; status: 0, or 413 or 431 if it was too large. */
void exchange_decide(struct exchange *, int status);

/* Appends the whole answer, if it is a short one; 0, or -1 (memory). */
int exchange_put_answer(const struct exchange *, struct buffer *);

/* Appends the answer to whom the hub did not open a stream; 0 or -1. */
int
exchange_put_refusal(const struct exchange *, enum hub_answer, struct buffer *);

/* Appends the answer to whom nobody can serve, with the reason; 0 or -1. */
int
exchange_put_failure(const struct exchange *, const char *why, struct buffer *);

/* Appends the answer to who shall come again; 0 or -1. */
int
exchange_put_later(const struct exchange *, const char *why, struct buffer *);

/*
 * Fills in what the request says of a subscription; its head is appended to
 * the buffer, which has to stay.  0, or -1 (memory).
 */
int exchange_put_subscription(const struct exchange *, struct subscription *,
    struct buffer *head);

#endif
