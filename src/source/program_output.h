/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_SOURCE_PROGRAM_OUTPUT_H
#define CRIER_SOURCE_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/lines.h"
#include "protocol/event.h"
#include "protocol/eventstream.h"

/*
 * Makes records of an event stream of what a program prints.  They are whole:
 * the hub puts heartbeats, and the stream's end, between any two of them.
 *
 * Each line is the data of an event, or a whole event if it is JSON with "data"
 * in it.  A program that writes event-stream text itself (is_raw) is taken at
 * its word; only the last record's end is added.
 */
struct program_output {
	const char *name; /* for the log; borrowed, as the tokener is */
	struct json_tokener *tokener;
	size_t max_line; /* bytes of one event's data */
	/* Gets the events instead of out: 0, or -1 (memory).  Or NULL. */
	int (*put)(void *arg, const struct event_fields *);
	void *arg;
	struct eventstream stream; /* of what is_raw brings for put */
	bool is_raw;
	struct buffer in;   /* as it was read */
	struct buffer out;  /* records */
	struct lines lines; /* of in */
	uint64_t events;    /* in out; whoever takes out sets it to 0 */
	/* Where raw text stands: in its line, and in its record. */
	int raw_field; /* bytes of "data" that fit so far; -1: it is another */
	bool raw_in_line, raw_is_cr, raw_has_data;
};

/*
 * Makes records, in out, of what is in in; is_end: nothing comes behind that.
 * 0, or -1 (memory).
 */
int program_output_take(struct program_output *, bool is_end);

void program_output_clear(struct program_output *);

#endif
