/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LOOP_H
#define CRIER_BASE_LOOP_H

#include <stdint.h>

/* Milliseconds of a clock that only goes forward: for intervals. */
uint64_t loop_monotonic_ms(void);

/* Milliseconds since 1970: for ids and for what people read. */
uint64_t loop_wall_ms(void);

/* A uniform random number in [0, below), below > 0; good for jitter. */
uint64_t loop_random(uint64_t below);

/* Makes a descriptor non-blocking and close-on-exec; 0 or -1 with errno. */
int loop_prepare_fd(int fd);

#endif
