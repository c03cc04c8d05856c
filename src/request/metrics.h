/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_METRICS_H
#define CRIER_REQUEST_METRICS_H

#include <json-c/json.h>

#include "base/buffer.h"

/* The type of what metrics_append makes. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Appends what `status` says as Prometheus has it, in its text format 0.0.4.
 * What a status does not have, or has as something else, is left out.  The
 * names stay as they are; units are seconds and bytes.  0, or -1 (memory) with
 * the buffer unchanged.
 */
int metrics_append(struct buffer *, struct json_object *status);

#endif
