/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_APACHE_CHILD_H
#define CRIER_APACHE_CHILD_H

/* What this process of httpd's knows of its own end. */

enum child_state {
	CHILD_RUNS,
	CHILD_STOPS, /* short answers are finished, streams end */
	CHILD_ENDS   /* at once */
};

/* From the child_stopping hook; a graceful stop may become another later. */
void child_stop(int graceful);

/* May be asked by any thread. */
enum child_state child_state(void);

#endif
