/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOOR_RUNNER_H
#define CRIER_DOOR_RUNNER_H

#include "door/run.h"
#include "hub/hub.h"

/*
 * Starts a program and opens a stream of what it prints, as hub_subscribe
 * does with a subscription without channels.  HUB_NO_MEMORY with *cause, the
 * caller's, if it cannot be started.
 */
enum hub_answer runner_subscribe(struct hub *, struct runs *,
    const struct run_options *, struct subscription *, char **cause);

#endif
