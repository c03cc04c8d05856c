/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_SPOOL_CLOCK_H
#define CRIER_COMPANION_SPOOL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "companion/spool.h"

/*
 * How old a kept event is must not depend on who sets the wall clock, and no
 * other clock goes on when the machine starts anew.  So a spool has a clock:
 * that since the machine's start, and a difference that stands in the file
 * `clock` with the start that it belongs to.
 *
 *     START OFFSET AHEAD
 *
 * START is the kernel's name for it, OFFSET the milliseconds that are added.
 * AHEAD is by how much the spool's clock was seen ahead of the wall clock,
 * which has been set by that: after another start the wall clock with AHEAD is
 * all that there is.  Without the file the spool's clock is the wall clock.
 */
struct spool_clock {
	const struct spool *spool; /* set by the caller, the rest being 0 */
	bool is_known;             /* the file was read */
	int64_t offset_ms;
};

/*
 * The time by that clock when that since the machine's start was since_ms.
 * Whoever keeps what will be older makes the file, if it is missing.  What goes
 * wrong with the file leaves the wall clock.
 */
uint64_t
spool_clock_at(struct spool_clock *, uint64_t since_ms, bool makes_file);

#endif
