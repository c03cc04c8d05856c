/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "base/histogram.h"

static size_t
histogram_bucket(uint64_t us)
{
	unsigned power = HISTOGRAM_LEAST;

	if (us >> HISTOGRAM_LEAST == 0)
		return 0;
	if (us >> HISTOGRAM_MOST != 0)
		return HISTOGRAM_BUCKETS - 1;
	while (us >> (power + 1) != 0)
		power++;
	/* Of a number between 4 and 7, the two bits behind the first. */
	return 1 + (size_t)(power - HISTOGRAM_LEAST) * HISTOGRAM_PARTS +
	    (us >> (power - 2)) % HISTOGRAM_PARTS;
}

static uint64_t
histogram_bound(size_t bucket)
{
	size_t power, part;

	if (bucket == 0)
		return UINT64_C(1) << HISTOGRAM_LEAST;
	if (bucket == HISTOGRAM_BUCKETS - 1)
		return UINT64_C(1) << HISTOGRAM_MOST;
	power = HISTOGRAM_LEAST + (bucket - 1) / HISTOGRAM_PARTS;
	part = (bucket - 1) % HISTOGRAM_PARTS;
	return (uint64_t)(HISTOGRAM_PARTS + part + 1) << (power - 2);
}

void
histogram_add(struct histogram *h, uint64_t us, uint64_t times)
{
	h->counts[histogram_bucket(us)] += times;
	h->sum_us += us * times;
}

uint64_t
histogram_count(const struct histogram *h)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += h->counts[i];
	return count;
}

uint64_t
histogram_below(const struct histogram *h, unsigned power)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS - 1 &&
	     histogram_bound(i) <= UINT64_C(1) << power;
	     i++)
		count += h->counts[i];
	return count;
}

void
histogram_merge(struct histogram *h, const struct histogram *other)
{
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->counts[i] += other->counts[i];
	h->sum_us += other->sum_us;
}

void
histogram_subtract(struct histogram *h, const struct histogram *earlier)
{
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->counts[i] -= earlier->counts[i];
	h->sum_us -= earlier->sum_us;
}

uint64_t
histogram_quantile(const struct histogram *h, unsigned permille)
{
	uint64_t count = histogram_count(h), seen = 0, wanted;
	size_t i;

	if (count == 0)
		return 0;
	/* Rounded up, and without a product that could be too large. */
	wanted =
	    count / 1000 * permille + (count % 1000 * permille + 999) / 1000;
	if (wanted == 0)
		wanted = 1;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		if ((seen += h->counts[i]) >= wanted)
			break;
	return histogram_bound(i);
}
