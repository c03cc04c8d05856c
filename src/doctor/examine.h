/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_EXAMINE_H
#define CRIER_DOCTOR_EXAMINE_H

#include "doctor/far_end.h"
#include "doctor/measure.h"
#include "doctor/options.h"

/*
 * Measures the route at o->url with events of our own, through the crierd that
 * daemon is connected to.  0 with all that could be measured, or the exit code
 * after saying on standard error why nothing could.
 */
int examine(struct daemon *, const struct options *, struct measure *);

#endif
