/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_DEMAND_H
#define CRIER_PROTOCOL_DEMAND_H

/*
 * Starts a crierd in the background (`crierd --on-demand`) that serves this
 * queue, and waits until it, or another crierd, does.  The new process inherits
 * no descriptor and of the environment only what concerns it.  0, or -1 with
 * *cause, the caller's.
 */
int demand_start(const char *queue, char **cause);

#endif
