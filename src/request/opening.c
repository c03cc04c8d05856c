/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "request/opening.h"

bool
opening_is_done(const struct opening_result *result)
{
	return result->refusal.status == 0 && result->answer == HUB_OPENED;
}

bool
opening_is_repeatable(const struct opening *opening)
{
	return opening->program == NULL || opening->key.len > 0;
}
