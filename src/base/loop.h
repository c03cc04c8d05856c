/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LOOP_H
#define CRIER_BASE_LOOP_H

#include <stdint.h>

#include <event2/event.h>

/* What a program with a loop needs beside libevent. */

/* Sets, or moves, a timer: it is due in so many milliseconds; 0, or -1. */
int loop_set_timer(struct event *, uint64_t ms);

/* A uniform random number in [0, below), below > 0; good for jitter. */
uint64_t loop_random(uint64_t below);

/* Makes a descriptor non-blocking and close-on-exec; 0 or -1 with errno. */
int loop_prepare_fd(int fd);

#endif
