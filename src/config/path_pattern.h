/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_CONFIG_PATH_PATTERN_H
#define CRIER_CONFIG_PATH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * The path of a route: segments that are literal, `{name}` for any one that is
 * not empty, or `{name...}` for all that is left.  Pure.
 */

enum {
	PATH_SEGMENTS_MAX = 32,
	PATH_NAME_MAX = 64 /* bytes of a variable's name */
};

/* The greater is the more specific one. */
enum path_segment_kind {
	PATH_REST,
	PATH_NAME,
	PATH_LITERAL
};

struct path_segment {
	enum path_segment_kind kind;
	struct text_span text; /* the name, or what is to be there, decoded */
};

struct path_pattern {
	struct path_segment segments[PATH_SEGMENTS_MAX];
	size_t count;
	char *text; /* what the segments point to */
};

/*
 * Reads a path as it stands in a URL, %-escapes included.  NULL, or what is
 * wrong with it in words that follow "the path ", and an empty pattern.
 */
const char *path_pattern_parse(struct path_pattern *, const char *text);

void path_pattern_clear(struct path_pattern *);

/* The segment of this name, or -1. */
ptrdiff_t path_pattern_find(const struct path_pattern *, struct text_span name);

/* Whether these decoded segments are a path that the pattern matches. */
bool path_pattern_match(const struct path_pattern *,
    const struct text_span *segments, size_t count);

/*
 * Of two patterns that match the same path, more than 0 if a is the more
 * specific one: at the first segment in which they differ, a literal is more
 * specific than `{name}`, and that more than `{name...}`.  0 if they are the
 * same but for their names.  Of patterns that match no path in common, the
 * result is not 0, and says no more.
 */
int path_pattern_compare(const struct path_pattern *a,
    const struct path_pattern *b);

/* The value of the segment (path_pattern_find's) in a path that matches. */
struct text_span path_pattern_value(const struct path_pattern *, size_t segment,
    const struct text_span *segments, size_t count);

#endif
