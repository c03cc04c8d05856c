/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <time.h>

#include <event2/util.h>

#include "base/loop.h"

static uint64_t
loop_clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t
loop_monotonic_ms(void)
{
	return loop_clock_ms(CLOCK_MONOTONIC);
}

uint64_t
loop_wall_ms(void)
{
	return loop_clock_ms(CLOCK_REALTIME);
}

uint64_t
loop_random(uint64_t below)
{
	uint64_t r;

	evutil_secure_rng_get_bytes(&r, sizeof r);
	return r % below;
}

int
loop_prepare_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}
