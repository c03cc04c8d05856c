/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* What the programs of the benchmark measure with. */
#ifndef CRIER_BENCH_MEASURE_H
#define CRIER_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MEASURE_PIDS_MAX = 512,
	MEASURE_BUCKETS = 59 * 64
};

/* Monotonic; the CPU time of this process, all its threads. */
uint64_t measure_ns(void);
uint64_t measure_own_cpu_ns(void);

/* How often values of some size came: 64 buckets for each power of two. */
struct measure_latency {
	uint64_t count, max;
	uint64_t buckets[MEASURE_BUCKETS];
};

void measure_latency_add(struct measure_latency *, uint64_t value);

/* The value that so many of all (0 to 1) do not exceed. */
uint64_t measure_latency_part(const struct measure_latency *, double part);

/* The processes of a server. */
struct measure_pids {
	pid_t pids[MEASURE_PIDS_MAX];
	size_t count;
	/* Of which the children count, too, as they are when they are asked. */
	pid_t parents[MEASURE_PIDS_MAX];
	size_t parents_count;
};

/* From "12,34+": 34 with its children; 0, or -1. */
int measure_read_pids(struct measure_pids *, const char *text);

/* Nanoseconds of CPU that all their threads had, from schedstat. */
uint64_t measure_cpu_ns(const struct measure_pids *);

/*
 * Resident memory without what files are mapped; of what processes share
 * each has its part.
 */
uint64_t measure_rss_bytes(const struct measure_pids *);

/* Ends the program with the reason. */
void measure_die(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
