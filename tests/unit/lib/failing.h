/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* One call of many fails: for wrappers of malloc and what is like it. */
#ifndef CRIER_TESTS_FAILING_H
#define CRIER_TESTS_FAILING_H

#include <stdbool.h>

/* The n-th call from now fails (0: none), and for_good all after it. */
void failing_arm(unsigned n, bool for_good);

/* No call fails any more; whether one did since failing_arm. */
bool failing_disarm(void);

/* For a wrapper: whether this call is to fail. */
bool failing_now(void);

#endif
