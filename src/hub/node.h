/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_NODE_H
#define CRIER_HUB_NODE_H

struct hub;

/*
 * The hub as one node of several that share a store: what others publish is
 * appended and delivered at its place in the log, and when the log's position
 * moves, streams read on in the store, or are told what may be lost.
 */

/* From now on the store tells the hub; nothing if it is not shared. */
void node_begin(struct hub *);

#endif
