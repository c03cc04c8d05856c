/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/quantity.h"
#include "protocol/limits.h"

const struct limit limit_of[LIMITS] = {
	[LIMIT_EVENT_BYTES] = { 1, UINT64_C(1024) * 1024 },
	[LIMIT_RETRY_MS] = { 0, QUANTITY_DAY_MS },
	[LIMIT_EXPIRES_MS] = { 1, UINT64_C(1000000000000) },
	/* A stream keeps its heartbeat in 32 bits. */
	[LIMIT_HEARTBEAT_MS] = { 0, QUANTITY_DAY_MS },
	[LIMIT_MAX_TIME_MS] = { 0, QUANTITY_YEAR_MS },
	[LIMIT_RUN_TIME_MS] = { 0, QUANTITY_YEAR_MS },
	[LIMIT_STREAM_MS] = { 0, 10 * QUANTITY_YEAR_MS },
	[LIMIT_POLL_MS] = { 0, QUANTITY_HOUR_MS },
	[LIMIT_POLL_ABOVE] = { 0, 10000000 },
	[LIMIT_LAST] = { 0, UINT32_MAX },
	[LIMIT_HISTORY] = { 1, 1000 },
	[LIMIT_PADDING_BYTES] = { 0, 4096 },
};

bool
limit_allows(const struct limit *l, uint64_t value)
{
	return value >= l->min && value <= l->max;
}
