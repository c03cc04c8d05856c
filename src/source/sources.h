/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_SOURCES_H
#define CRIER_SOURCE_SOURCES_H

#include "hub/hub.h"
#include "request/opening.h"
#include "source/program.h"

/* What the streams of this process can be opened from. */
struct sources {
	struct hub *hub; /* NULL: in another process, and so is all else */
	struct programs *programs;
};

/*
 * Opens a stream, of what its opening says: the hub's channels, or a program's
 * output.  If it is done (opening_is_done) its descriptor is the hub's, else
 * it is untouched.
 */
void
sources_open(const struct sources *, struct opening *, struct opening_result *);

#endif
