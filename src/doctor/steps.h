/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_STEPS_H
#define CRIER_DOCTOR_STEPS_H

#include "doctor/probe.h"

/*
 * What is measured of one stream, in this order.  0, or the exit code after
 * saying why on standard error.
 */

/* One event at a time; if that fails, much more until something comes. */
int steps_events(struct probe *);

/* Silence for m->idle_ms. */
int steps_idle(struct probe *);

/* The client leaves, and crierd is watched for m->idle_ms at most. */
int steps_leaving(struct probe *);

/* The client comes back for what it has missed. */
int steps_resume(struct probe *);

#endif
