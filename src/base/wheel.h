/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_WHEEL_H
#define CRIER_BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A timer wheel: very many timers that are set often and need no better than
 * WHEEL_TICK_MS.  Setting and clearing cost the same for one timer as for a
 * million.  It has no clock of its own: the owner turns it.
 */
enum {
	WHEEL_TICK_MS = 50,
	WHEEL_SLOTS = 1024
};

struct wheel_timer {
	struct wheel_timer *next, **prev; /* prev NULL: not set */
	uint64_t due_ms;
};

struct wheel {
	struct wheel_timer *slots[WHEEL_SLOTS];
	uint64_t turned; /* ticks of which all due timers were called */
	size_t count;
};

void wheel_init(struct wheel *, uint64_t now_ms);

/* Sets a timer, or moves it if it was set. */
void wheel_set(struct wheel *, struct wheel_timer *, uint64_t due_ms);
void wheel_clear(struct wheel *, struct wheel_timer *);
bool wheel_is_set(const struct wheel_timer *);

/*
 * Clears every timer that is due at now_ms and calls back for each; never
 * early, at most a tick late.  The callback may set and clear any timer.
 */
void wheel_turn(struct wheel *, uint64_t now_ms,
    void (*due_cb)(struct wheel_timer *, void *), void *arg);

#endif
