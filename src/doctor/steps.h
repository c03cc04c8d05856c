/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_STEPS_H
#define CRIER_DOCTOR_STEPS_H

#include "doctor/probe.h"

/*
 * The measurements on one stream, in this order.  Each returns 0, or the exit
 * code after saying why on standard error.
 */

/*
 * Publishes one event at a time; if events are held back, much more until
 * something comes.
 */
int steps_events(struct probe *);

/* Keeps silent for m->idle_ms. */
int steps_idle(struct probe *);

/* The client leaves, and crierd is watched for m->leave_ms at most. */
int steps_leaving(struct probe *);

/* The client comes back for what it has missed. */
int steps_resume(struct probe *);

#endif
