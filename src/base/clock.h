/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_CLOCK_H
#define CRIER_BASE_CLOCK_H

#include <stdint.h>

/*
 * The two clocks.  Intervals and deadlines are measured by the monotonic one,
 * which nobody sets; the wall clock is for ids and for what people read.
 */

/* Milliseconds, and microseconds, of the monotonic clock. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

/* Milliseconds since 1970. */
uint64_t clock_wall_ms(void);

/*
 * Milliseconds since the machine was started, also those in which it slept:
 * nobody sets them, and they are the same for all processes.
 */
uint64_t clock_start_ms(void);

/*
 * Sleeps so long, or until a signal comes: for programs, and a daemon before
 * its loop runs.
 */
void clock_sleep_ms(uint64_t ms);

#endif
