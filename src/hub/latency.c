/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/latency.h"
#include "hub/state.h"

enum {
	LATENCY_WINDOW_MS = 60000,
	LATENCY_TWO_WINDOWS_MS = 2 * LATENCY_WINDOW_MS
};

void
latency_note(struct hub *hub, uint64_t began_us, uint64_t events)
{
	struct hub_latency *l = &hub->latency;
	uint64_t now_us = clock_monotonic_us(), now_ms = now_us / 1000;
	uint64_t us = now_us > began_us ? now_us - began_us : 0;

	if (now_ms - l->began_ms >= LATENCY_WINDOW_MS) {
		/* A minute in which nothing came is no minute before. */
		if (now_ms - l->began_ms >= LATENCY_TWO_WINDOWS_MS)
			memset(&l->before, 0, sizeof l->before);
		else
			l->before = l->now;
		memset(&l->now, 0, sizeof l->now);
		l->began_ms = now_ms;
	}
	histogram_add(&l->all, us, events);
	histogram_add(&l->now, us, events);
}

static void
latency_set_quantiles(const struct histogram *h, struct hub_figures *figures)
{
	figures->latency_p50_us = figures->latency_p99_us = FIGURE_NONE;
	if (histogram_count(h) == 0)
		return;
	figures->latency_p50_us = histogram_quantile(h, 500);
	figures->latency_p99_us = histogram_quantile(h, 990);
}

void
latency_take(const struct hub *hub, struct hub_figures *figures)
{
	const struct hub_latency *l = &hub->latency;
	struct histogram recent = { .sum_us = 0 };
	uint64_t now_ms = hub->clock.now_ms;
	/* The loop's clock may be from before this turn's measure. */
	uint64_t age_ms = now_ms > l->began_ms ? now_ms - l->began_ms : 0;

	if (age_ms < LATENCY_TWO_WINDOWS_MS)
		recent = l->now;
	if (age_ms < LATENCY_WINDOW_MS)
		histogram_merge(&recent, &l->before);
	figures->latency_events = histogram_count(&l->all);
	figures->latency_sum_us = l->all.sum_us;
	latency_set_quantiles(&recent, figures);
}

void
latency_sample(struct hub *hub, struct hub_figures *figures)
{
	struct histogram since = hub->latency.all;

	histogram_subtract(&since, &hub->latency.sample);
	hub->latency.sample = hub->latency.all;
	latency_set_quantiles(&since, figures);
}

void
latency_status(const struct hub *hub, struct json_object *status)
{
	figures_add_histogram(status, LATENCY_BUCKETS, &hub->latency.all);
}
