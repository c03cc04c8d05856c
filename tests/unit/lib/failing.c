/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "failing.h"

static unsigned failing_at; /* 0: never; else the n-th call from now */
static bool failing_for_good;
static bool failing_failed;

void
failing_arm(unsigned n, bool for_good)
{
	failing_failed = false;
	failing_for_good = for_good;
	failing_at = n;
}

bool
failing_disarm(void)
{
	bool failed = failing_failed;

	failing_at = 0;
	failing_failed = false;
	return failed;
}

bool
failing_now(void)
{
	if (failing_for_good && failing_failed)
		return true;
	if (failing_at == 0 || --failing_at > 0)
		return false;
	failing_failed = true;
	return true;
}
