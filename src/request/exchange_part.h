/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_EXCHANGE_PART_H
#define CRIER_REQUEST_EXCHANGE_PART_H

#include "request/exchange.h"

/* What an exchange has others do for it, each in a file of its own. */

/* exchange_stream: describes the stream and has the attachment open it. */
enum exchange_state exchange_open(struct exchange *);

/* exchange_question: whether the hub's queue is to be asked. */
bool exchange_is_question(const struct exchange *);

/* exchange_question: has the attachment ask the queue. */
enum exchange_state exchange_ask(struct exchange *);

/*
 * exchange_question: appends the answer that follows from the queue's reply; 0,
 * or -1 (memory).
 */
int exchange_put_reply(const struct exchange *, const char *reply, size_t len,
    struct buffer *);

#endif
