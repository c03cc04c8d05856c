/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_EXCHANGE_PART_H
#define CRIER_REQUEST_EXCHANGE_PART_H

#include "request/exchange.h"

/* The two things that an exchange asks for, and what follows from a reply. */

/* exchange_stream: describes the stream and has the attachment open it. */
enum exchange_state exchange_open(struct exchange *);

/* exchange_question: whether the hub's queue is to be asked. */
bool exchange_is_question(const struct exchange *);

/* Has the attachment ask it. */
enum exchange_state exchange_ask(struct exchange *);

/* Appends the answer that follows from the reply; 0, or -1 (memory). */
int exchange_put_reply(const struct exchange *, const char *reply, size_t len,
    struct buffer *);

#endif
