/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_ADVICE_TABLE_H
#define CRIER_DOCTOR_ADVICE_TABLE_H

#include <stddef.h>

#include "doctor/advice.h"

/* For advice.c alone: all that is known; what is likelier stands first. */
extern const struct advice advice_table[];
extern const size_t advice_count;

#endif
