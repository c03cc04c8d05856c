/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_OUTPUT_H
#define CRIER_SOURCE_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/lines.h"

/*
 * What a program prints, made into records of an event stream, whole ones: what
 * the hub has to say itself may stand between any two of them.
 *
 * Each line is the data of an event, or a whole event if it is JSON with "data"
 * in it.  A program that writes event-stream text itself (is_raw) is taken at
 * its word, but that its last record has an end.
 */
struct program_output {
	const char *name; /* for the log; as the tokener, borrowed */
	struct json_tokener *tokener;
	size_t max_line; /* bytes of one event's data */
	bool is_raw;
	struct buffer in;   /* as it was read */
	struct buffer out;  /* records */
	struct lines lines; /* of in */
};

/* Makes records of what is in in; is_end: nothing comes after it.  0, or -1. */
int program_output_take(struct program_output *, bool is_end);

void program_output_clear(struct program_output *);

#endif
