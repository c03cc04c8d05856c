/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "protocol/limits.h"

#define LIMIT_HOUR UINT64_C(3600000) /* ms */
#define LIMIT_DAY  (24 * LIMIT_HOUR)
#define LIMIT_YEAR (366 * LIMIT_DAY)

const struct limit limit_of[LIMITS] = {
	[LIMIT_EVENT_BYTES] = { 1, UINT64_C(1024) * 1024 },
	[LIMIT_RETRY_MS] = { 0, LIMIT_DAY },
	[LIMIT_EXPIRES_MS] = { 1, UINT64_C(1000000000000) },
	/* A stream keeps its heartbeat in 32 bits. */
	[LIMIT_HEARTBEAT_MS] = { 0, LIMIT_DAY },
	[LIMIT_MAX_TIME_MS] = { 0, LIMIT_YEAR },
	[LIMIT_RUN_TIME_MS] = { 0, LIMIT_YEAR },
	[LIMIT_STREAM_MS] = { 0, 10 * LIMIT_YEAR },
	[LIMIT_POLL_MS] = { 0, LIMIT_HOUR },
	[LIMIT_POLL_ABOVE] = { 0, 10000000 },
	[LIMIT_LAST] = { 0, UINT32_MAX },
	[LIMIT_PADDING_BYTES] = { 0, 4096 },
};

bool
limit_allows(const struct limit *l, uint64_t value)
{
	return value >= l->min && value <= l->max;
}
