/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LINES_H
#define CRIER_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/text.h"

/*
 * The lines of a buffer that grows at its end, as what a socket or a pipe
 * brings does.  Of a line that is longer than it may be nothing is kept but the
 * fact, so memory is bounded.  All zero is a beginning.
 *
 *	while ((found = lines_find(&l, &in, max, eof, &line)) != LINES_NONE) {
 *		if (found == LINES_WHOLE)
 *			take(line);
 *		lines_pass(&l, &in);
 *	}
 */
struct lines {
	size_t scanned;   /* bytes of the buffer known to hold no newline */
	size_t found;     /* bytes of the line in front, its newline counted */
	bool is_skipping; /* in front is the rest of a line that is too long */
};

enum lines_found {
	LINES_NONE,    /* nothing for now: more bytes are needed */
	LINES_WHOLE,   /* a line; it stays in front until lines_pass */
	LINES_LONG,    /* a line turned out to be longer than max */
	LINES_LONG_END /* that line has ended; it comes after LINES_LONG */
};

/*
 * What is in front.  A line ends with LF or CRLF, for all who read lines, and
 * *line is without that end.  A line has at most max bytes without it.
 * is_end: no more bytes will come, so what is left is a line without a newline.
 * The bytes of *line are the buffer's, and stay where they are until something
 * is appended; it is empty for all but LINES_WHOLE.
 */
enum lines_found lines_find(struct lines *, struct buffer *, size_t max,
    bool is_end, struct text_span *line);

/* Goes behind what lines_find gave last. */
void lines_pass(struct lines *, struct buffer *);

/* Goes behind the first n bytes of it alone: the others are another line. */
void lines_cut(struct lines *, struct buffer *, size_t n);

#endif
