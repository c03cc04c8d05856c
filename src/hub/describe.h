/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_HUB_DESCRIBE_H
#define CRIER_HUB_DESCRIBE_H

#include <json-c/json.h>

struct stream;

/*
 * A stream in JSON, the same in `status` and in the events of `$streams`: which
 * it is, whose, and of what; then how long it has been there and what it got.
 */
void describe_stream(const struct stream *, struct json_object *);
void describe_sums(const struct stream *, struct json_object *);

#endif
