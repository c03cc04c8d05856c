/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_CLIENT_INPUT_H
#define CRIER_COMPANION_CLIENT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lines.h"

/* The lines of a file, read as they come.  Memory is bounded by line_max. */
struct client_input {
	/* Set by the caller, the rest being 0: */
	int fd;          /* or -1 for none */
	size_t line_max; /* bytes of a line */
	bool keep_blank; /* blank lines count */

	/* The input's own: */
	struct buffer in;
	struct lines lines;
	uint64_t number; /* of the last line, from 1 */
	bool eof;
};

enum client_input_result {
	CLIENT_INPUT_NONE, /* read more, or all is done */
	CLIENT_INPUT_LINE,
	CLIENT_INPUT_LONG /* a line was longer than line_max: it is skipped */
};

/*
 * The next line without its newline, the input's until the next call of one of
 * these functions; number is its number.  The last may have no newline.
 */
enum client_input_result
client_input_next(struct client_input *, const char **line, size_t *len);

/* Reads once, at its end sets eof.  0, or -1 with errno. */
int client_input_read(struct client_input *);

/* Whether there will be no further line. */
bool client_input_is_done(const struct client_input *);

void client_input_clear(struct client_input *);

#endif
