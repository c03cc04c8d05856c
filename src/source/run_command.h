/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_RUN_COMMAND_H
#define CRIER_SOURCE_RUN_COMMAND_H

#include <json-c/json.h>

#include "source/run.h"

/*
 * Carries out the queue's `run` of somebody who may, and appends the reply, a
 * line; arg are the runs.  0; 1: other nodes are asked, and answered gets the
 * reply, at once or later, once, or NULL (memory); or -1 (memory).
 */
int run_command(void *arg, struct json_object *line, struct buffer *reply,
    void (*answered)(void *who, const struct buffer *reply), void *who);

#endif
