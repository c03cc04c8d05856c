/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/pace.h"

enum {
	PACE_SHARE = 2, /* one part of so many is theirs */
	PACE_BURST_US = 10000 * PACE_SHARE
};

bool
pace_is_open(const struct pace *p, uint64_t now_us)
{
	return p->free_us < now_us + PACE_BURST_US;
}

uint64_t
pace_wait_ms(const struct pace *p, uint64_t now_us)
{
	if (pace_is_open(p, now_us))
		return 1;
	return (p->free_us - now_us - PACE_BURST_US) / 1000 + 1;
}

void
pace_pay(struct pace *p, uint64_t from_us, uint64_t to_us)
{
	if (p->free_us < from_us)
		p->free_us = from_us;
	p->free_us += (to_us - from_us) * PACE_SHARE;
}
