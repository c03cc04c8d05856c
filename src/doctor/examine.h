/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_EXAMINE_H
#define CRIER_DOCTOR_EXAMINE_H

#include "doctor/far_end.h"
#include "doctor/measure.h"
#include "doctor/options.h"

/*
 * Measures the route at the options' URL with events of our own, which are
 * published at the far end.  0 with all that could be measured, or the exit
 * code after saying on standard error why nothing could.
 */
int examine(struct far_end *, const struct options *, struct measure *);

#endif
