/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_REPORT_H
#define CRIER_DOCTOR_REPORT_H

#include <stdio.h>

#include "doctor/verdict.h"

struct json_object;

/* What was measured, judged. */
struct report {
	const char *url; /* as it may be shown */
	const struct measure *m;
	struct check checks[VERDICT_CHECKS];
	enum attachment attachment;
	size_t faults, warnings;
};

/* Judges what was measured; the texts stay the caller's. */
void report_init(struct report *, const char *url, const struct measure *);

/* Prints a table for people, and below it what mends each fault. */
void report_print(const struct report *, FILE *);

/* Its parts: lines with an indent, and the last line. */
void report_print_lines(const char *lines, FILE *);
void report_print_sum(size_t faults, size_t warnings, FILE *);

/* The same as JSON, with all that was measured; the caller's, or NULL. */
struct json_object *report_json(const struct report *);

#endif
