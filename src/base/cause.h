/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_CAUSE_H
#define CRIER_BASE_CAUSE_H

/* Sets *cause, the caller's, or NULL without memory for it; returns -1. */
int cause_set(char **cause, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
