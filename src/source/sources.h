/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_SOURCES_H
#define CRIER_SOURCE_SOURCES_H

#include "hub/hub.h"
#include "request/opening.h"
#include "source/program.h"
#include "source/run.h"

/*
 * What the streams of this process bring: events of the hub's channels, or the
 * output of programs.  A new source is a member here and a case in
 * sources_open.
 */
struct sources {
	struct hub *hub; /* NULL: in another process, which has all sources */
	struct programs *programs;
	struct runs *runs; /* NULL as hub is */
};

/* As hub_would_open; and if it brings a program's output, that could run. */
bool sources_would_open(const struct sources *, const struct opening *);

/*
 * Opens a stream from the source that its opening names.  The hub has its
 * descriptor if that is done (opening_is_done); else it is untouched.
 */
void
sources_open(const struct sources *, struct opening *, struct opening_result *);

#endif
