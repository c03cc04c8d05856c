/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_DOCTOR_MPM_H
#define CRIER_DOCTOR_MPM_H

#include <stdbool.h>

/*
 * What Apache's configuration says of its MPM: how many connections a child
 * takes, and when one is ended because it looks idle.
 */

struct mpm {
	bool is_known; /* there is a configuration, and it loads an MPM */
	bool is_event;
	/* AsyncRequestWorkerFactor, MaxSpareThreads, MaxRequestWorkers. */
	double factor;
	long spare, workers;
};

/*
 * Reads the configuration in dir, which has the files that Debian's or Red
 * Hat's have; of a directive that is said twice the last one counts.  NULL: the
 * first of the usual folders that is there.
 */
void mpm_read(const char *dir, struct mpm *);

#endif
