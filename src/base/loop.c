/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>

#include <event2/util.h>

#include "base/loop.h"

int
loop_set_timer(struct event *timer, uint64_t ms)
{
	struct timeval in = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	return event_add(timer, &in);
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
