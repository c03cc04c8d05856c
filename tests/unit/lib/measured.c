/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "measured.h"

struct measure
measured_good(void)
{
	struct measure m = { .heartbeat_ms = 25000,
		.idle_ms = 33000,
		.leave_ms = 58000,
		.server = SERVER_NGINX,
		.head = { .status = 200,
		    .http_version = "1.1",
		    .server = "nginx/1.22.1",
		    .type = "text/event-stream; charset=utf-8",
		    .cache = "no-cache, no-store, no-transform" },
		.at_crierd = true,
		.head_us = 1000,
		.first_us = 2000,
		.event_count = MEASURE_EVENTS,
		.has_crowd = true,
		.crowd_opened = MEASURE_CROWD,
		.crowd_at_crierd = MEASURE_CROWD,
		.has_idle = true,
		.cut_us = MEASURE_NEVER,
		.heartbeats = 1,
		.idle_sent = true,
		.has_leaving = true,
		.left_us = 1000,
		.has_resume = true,
		.resumed = MEASURE_MISSED };
	size_t i;

	for (i = 0; i < MEASURE_EVENTS; i++)
		m.events[i].delay_us = 1000;
	return m;
}

void
measured_nothing(struct measure *m)
{
	size_t i;

	m->head.status = 0;
	m->head_us = m->first_us = MEASURE_NEVER;
	for (i = 0; i < MEASURE_EVENTS; i++)
		m->events[i].delay_us = MEASURE_NEVER;
	m->held_bytes = 4000;
	m->heartbeats = 0;
	m->has_resume = false;
}
