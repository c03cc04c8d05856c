/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_ASIDE_H
#define CRIER_DOOR_ASIDE_H

#include <stdbool.h>

/*
 * A door's second uplink, for questions whose answer may wait for others:
 * replies come in the order of the lines, and what is published is not to wait
 * behind them.  It is connected when the first is asked.
 */
struct door;
struct uplink;

/*
 * The uplink for a line, which may be such a question.  It is the door's first
 * one if there is no other, or that cannot be connected.
 */
struct uplink *aside_choose(struct door *, bool is_question);

/* The hub can be reached again: what was asked aside is asked anew. */
void aside_go_on(struct door *);

#endif
