/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_HISTOGRAM_H
#define CRIER_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * How often each duration came, in buckets of fixed bounds: each power of two
 * from 16 microseconds to 16 seconds is divided into four.  So a histogram has
 * one size whatever is counted, and a quantile is at most a fifth too great.
 * Pure.
 */

enum {
	HISTOGRAM_LEAST = 4, /* 2^4 microseconds: the bound of the first */
	HISTOGRAM_MOST = 24, /* 2^24: what is not below is in the last */
	HISTOGRAM_PARTS = 4, /* of each power of two */
	HISTOGRAM_BUCKETS =
	    (HISTOGRAM_MOST - HISTOGRAM_LEAST) * HISTOGRAM_PARTS + 2
};

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t sum_us;
};

/* Counts a duration, times over. */
void histogram_add(struct histogram *, uint64_t us, uint64_t times);

/* How many durations were counted. */
uint64_t histogram_count(const struct histogram *);

/* How many of them are below 2^power microseconds, a bucket's bound. */
uint64_t histogram_below(const struct histogram *, unsigned power);

/* Adds what another one has counted. */
void histogram_merge(struct histogram *, const struct histogram *);

/* Takes out what was counted by then; the earlier state of the same one. */
void histogram_subtract(struct histogram *, const struct histogram *earlier);

/*
 * A bound in microseconds below which this share of the durations is, in
 * thousandths; 0 if nothing was counted.  Of those that are off the scale it is
 * the scale's end.
 */
uint64_t histogram_quantile(const struct histogram *, unsigned permille);

#endif
