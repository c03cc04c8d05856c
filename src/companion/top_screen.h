/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_TOP_SCREEN_H
#define CRIER_COMPANION_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * A terminal that shows pages, by the escape sequences that all of them know:
 * no library is needed for a page that is written whole, once a second.  There
 * is one terminal, which signal handlers must give back as it was: so this
 * module has its state in one place, and one at a time may be open.
 */

/* How large the terminal is now. */
struct top_size {
	size_t lines, columns;
};

/*
 * Takes the terminal on standard output: its other screen, no cursor, keys as
 * they are pressed.  However the process ends by a signal that it can catch,
 * and while it is stopped, the terminal is as it was.  False, with nothing
 * done, if there is none, or a dumb one.
 */
bool top_screen_open(void);
void top_screen_close(void);

struct top_size top_screen_size(void);

/* Shows a page: lines with their ends, of which as many as fit are shown. */
void top_screen_show(const struct buffer *page);

/* The key pressed within so long, 0: none; -1: there will be no more. */
int top_screen_key(int timeout_ms);

#endif
