/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

enum {
	MEASURE_SUB_BITS = 6, /* of a histogram: 64 buckets an octave */
	MEASURE_PATH = 320
};

void
measure_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t
measure_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t
measure_ns(void)
{
	return measure_clock_ns(CLOCK_MONOTONIC);
}

uint64_t
measure_own_cpu_ns(void)
{
	return measure_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static size_t
measure_latency_bucket(uint64_t value)
{
	int shift;

	if (value < 1U << MEASURE_SUB_BITS)
		return (size_t)value;
	shift = 63 - __builtin_clzll(value) - MEASURE_SUB_BITS;
	return ((size_t)shift << MEASURE_SUB_BITS) + (size_t)(value >> shift);
}

/* The greatest value of a bucket. */
static uint64_t
measure_latency_value(size_t bucket)
{
	size_t shift = bucket >> MEASURE_SUB_BITS;
	uint64_t sub = bucket & ((1U << MEASURE_SUB_BITS) - 1);

	if (shift == 0)
		return sub;
	shift--;
	return ((sub + (1U << MEASURE_SUB_BITS) + 1) << shift) - 1;
}

void
measure_latency_add(struct measure_latency *h, uint64_t value)
{
	h->count++;
	if (value > h->max)
		h->max = value;
	h->buckets[measure_latency_bucket(value)]++;
}

uint64_t
measure_latency_part(const struct measure_latency *h, double part)
{
	uint64_t wanted = (uint64_t)((double)h->count * part), seen = 0;
	uint64_t value;
	size_t i;

	for (i = 0; i < MEASURE_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > wanted)
			break;
	}
	if (i == MEASURE_BUCKETS)
		return h->max;
	value = measure_latency_value(i);
	return value < h->max ? value : h->max;
}

int
measure_read_pids(struct measure_pids *p, const char *text)
{
	char *end;

	while (*text != '\0') {
		if (p->count == MEASURE_PIDS_MAX)
			return -1;
		p->pids[p->count++] = (pid_t)strtol(text, &end, 10);
		if (*end == '+') {
			p->parents[p->parents_count++] = p->pids[p->count - 1];
			end++;
		}
		if (end == text || (*end != ',' && *end != '\0'))
			return -1;
		text = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static uint64_t
measure_thread_ns(pid_t pid, const char *thread)
{
	char path[MEASURE_PATH], line[MEASURE_PATH];
	uint64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid,
	    thread);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof line, file) != NULL)
		ns = strtoull(line, NULL, 10);
	fclose(file);
	return ns;
}

/* The processes with the children that they have now. */
static void
measure_add_children(struct measure_pids *all, const struct measure_pids *p)
{
	char path[MEASURE_PATH];
	FILE *file;
	size_t i;
	int pid;

	*all = *p;
	for (i = 0; i < p->parents_count; i++) {
		snprintf(path, sizeof path, "/proc/%d/task/%d/children",
		    (int)p->parents[i], (int)p->parents[i]);
		if ((file = fopen(path, "re")) == NULL)
			measure_die("no %s", path);
		while (all->count < MEASURE_PIDS_MAX &&
		    fscanf(file, "%d", &pid) == 1)
			all->pids[all->count++] = (pid_t)pid;
		fclose(file);
	}
}

static uint64_t
measure_process_ns(pid_t pid)
{
	char path[MEASURE_PATH];
	const struct dirent *e;
	uint64_t ns = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	if ((dir = opendir(path)) == NULL)
		measure_die("process %d is gone", (int)pid);
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			ns += measure_thread_ns(pid, e->d_name);
	closedir(dir);
	return ns;
}

uint64_t
measure_cpu_ns(const struct measure_pids *p)
{
	struct measure_pids all;
	uint64_t ns = 0;
	size_t i;

	measure_add_children(&all, p);
	for (i = 0; i < all.count; i++)
		ns += measure_process_ns(all.pids[i]);
	return ns;
}

static uint64_t
measure_process_bytes(pid_t pid)
{
	char path[MEASURE_PATH], line[256];
	static const char name[] = "Pss_Anon:";
	uint64_t bytes = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	if ((file = fopen(path, "re")) == NULL)
		measure_die("process %d is gone", (int)pid);
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, sizeof name - 1) == 0)
			bytes =
			    1024 * strtoull(line + sizeof name - 1, NULL, 10);
	fclose(file);
	return bytes;
}

uint64_t
measure_rss_bytes(const struct measure_pids *p)
{
	struct measure_pids all;
	uint64_t bytes = 0;
	size_t i;

	measure_add_children(&all, p);
	for (i = 0; i < all.count; i++)
		bytes += measure_process_bytes(all.pids[i]);
	return bytes;
}
