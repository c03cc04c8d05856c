/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What crier doctor may have measured. */
#ifndef CRIER_TESTS_MEASURED_H
#define CRIER_TESTS_MEASURED_H

#include "doctor/report.h"

/* At a route where all is well. */
struct measure measured_good(void);

/* Neither a head nor an event came. */
void measured_nothing(struct measure *);

#endif
