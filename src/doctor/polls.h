/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_POLLS_H
#define CRIER_DOCTOR_POLLS_H

#include "doctor/probe.h"

/*
 * Where crierd polls, its answers end by themselves, and the client comes back
 * for the next one (crier(7), "Polls").
 */

/* Whether crierd ended the stream as a poll; then also when to come again. */
bool polls_is_end(const struct http_stream *, uint64_t *retry_ms);

/*
 * If the stream has ended as a poll, finds out whether this crierd answered:
 * publishes an event and polls once more.  That answer becomes the stream.
 */
int polls_find(struct probe *);

/* The events of steps_events, over polls, as an EventSource goes about it. */
int polls_events(struct probe *);

#endif
