/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_WAKE_H
#define CRIER_DOCTOR_WAKE_H

#include "doctor/options.h"

/*
 * If no crierd has the queue, asks the web server for a stream until one has
 * it: the web server may be what starts crierd, and nobody may have come yet.
 * Says nothing; whoever connects to the queue next sees whether there is a
 * crierd.
 */
void wake(const struct options *);

#endif
