/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_PACE_H
#define CRIER_BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How fast lines are carried out that cost more than their length says: 40
 * bytes may ask for a list of a thousand streams.  Such lines get 10 ms at once
 * and then half of the loop's time, whoever sends how many; the other half is
 * everybody else's.  All zero is a beginning.
 */
struct pace {
	uint64_t free_us; /* when all that was done is paid for */
};

/* Whether one more may be carried out now. */
bool pace_is_open(const struct pace *, uint64_t now_us);

/* For how long it may not, at least 1. */
uint64_t pace_wait_ms(const struct pace *, uint64_t now_us);

/* Counts one that was carried out in that time. */
void pace_pay(struct pace *, uint64_t from_us, uint64_t to_us);

#endif
