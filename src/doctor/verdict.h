/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_VERDICT_H
#define CRIER_DOCTOR_VERDICT_H

#include "doctor/advice.h"
#include "doctor/measure.h"

/* Judges what was measured.  Does no I/O. */

enum verdict {
	VERDICT_OK,
	VERDICT_WARNING,
	VERDICT_FAULT,
	VERDICT_NONE /* could not be measured */
};

enum {
	VERDICT_CHECKS = 10
};

struct check {
	const char *name;
	enum verdict verdict;
	enum fault fault; /* of a warning, too */
	char text[320];   /* what was measured, for people */
};

/* Fills in all checks, in the order in which they are shown. */
void verdict_checks(const struct measure *, struct check[VERDICT_CHECKS]);

/* "ok", "warning", "FAULT" or "-". */
const char *verdict_name(enum verdict);

#endif
