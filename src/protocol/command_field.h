/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_PROTOCOL_COMMAND_FIELD_H
#define CRIER_PROTOCOL_COMMAND_FIELD_H

#include "protocol/command.h"

/* The fields of a command's line, one bit each. */
enum {
	FIELD_CHANNEL = 1 << 0,
	FIELD_DATA = 1 << 1,
	FIELD_EVENT = 1 << 2,
	FIELD_ID = 1 << 3,
	FIELD_KEY = 1 << 4,
	FIELD_RETRY = 1 << 5,
	FIELD_EXPIRES = 1 << 6,
	FIELD_SINCE = 1 << 7,
	FIELD_LAST = 1 << 8,
	FIELD_STOP = 1 << 9,
	FIELD_STREAMS = 1 << 10,
	FIELD_CHANNELS = 1 << 11,
	FIELD_USER = 1 << 12,
	FIELD_STREAM = 1 << 13,
	FIELD_ORIGIN = 1 << 14,
	FIELD_SLOW = 1 << 15,
	FIELD_SORT = 1 << 16,
	FIELD_FIND = 1 << 17,
	FIELD_LIMIT = 1 << 18,
	FIELD_HERE = 1 << 19,
	FIELD_RUNS = 1 << 20
};

/* Refuses the command, with a code of sysexits(3); -1. */
int command_refuse(struct command *, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Reads a field into the command, if it is one of these.  0, or -1: the command
 * is refused.
 */
int command_read_field(struct command *, unsigned fields, const char *name,
    struct json_object *value);

#endif
