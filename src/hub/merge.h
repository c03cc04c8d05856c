/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_MERGE_H
#define CRIER_HUB_MERGE_H

#include <stddef.h>

#include <json-c/json.h>

#include "protocol/command.h"
#include "store/store.h"

struct hub;

/*
 * What all nodes answered to a command, as one reply has it: sums, lists that
 * were merged, and which nodes did not answer.  The caller's; NULL: memory.
 */
struct json_object *merge_answers(struct hub *, const struct command *,
    const struct store_answer *, size_t count);

#endif
