/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <apr_atomic.h>

#include <httpd.h>
#include <ap_mpm.h>

#include "apache/child.h"

static volatile apr_uint32_t child_asked;

void
child_stop(int graceful)
{
	apr_uint32_t asked = graceful ? CHILD_STOPS : CHILD_ENDS;

	if (asked > apr_atomic_read32(&child_asked))
		apr_atomic_set32(&child_asked, asked);
}

enum child_state
child_state(void)
{
	int state = AP_MPMQ_RUNNING;
	apr_uint32_t asked = apr_atomic_read32(&child_asked);

	if (asked != CHILD_RUNS)
		return (enum child_state)asked;
	/* prefork calls no hook when it is asked to stop gracefully. */
	if (ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS &&
	    state == AP_MPMQ_STOPPING)
		return CHILD_STOPS;
	return CHILD_RUNS;
}
