/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_STALL_H
#define CRIER_HUB_STALL_H

struct hub;

/*
 * Applies `stall-bytes`: if streams hold more memory than that for what nobody
 * else needs any more, those end whose clients have taken nothing for longest.
 */
void stalls_bound(struct hub *);

#endif
