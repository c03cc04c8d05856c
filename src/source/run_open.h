/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_RUN_OPEN_H
#define CRIER_SOURCE_RUN_OPEN_H

#include "request/opening.h"
#include "source/run.h"

/*
 * Opens a stream of the run that a request is for: of the one that goes on in
 * its channel, or was begun with its key; or one is begun, unless the client
 * comes back.  The result as of sources_open.
 */
void run_open(struct runs *, struct opening *, struct opening_result *);

/*
 * Runs a program again, from its beginning, if its route says so still
 * (runs_recover).  0, or -1.
 */
int run_open_again(struct runs *, const struct hub_run_options *left,
    struct json_object *note);

#endif
