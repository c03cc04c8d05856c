/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_EXPAND_H
#define CRIER_REQUEST_EXPAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/template.h"
#include "request/values.h"

/*
 * Puts a request's values into templates.  Pure.
 *
 * A value never changes what its template says around it: it cannot end a
 * JSON string or an HTML element that it stands in, nor a segment of a
 * channel's name.
 */

/*
 * Takes a name, which is valid during the call.  0, or -1 to end the expansion.
 */
typedef int (*expand_name_cb)(void *arg, const char *name, size_t len);

/*
 * Makes the channels' names that a template stands for.  A parameter that is
 * given several times, or a JSON list, makes as many; without the value of an
 * optional variable there are none.  0; or -1: refused (values->refusal), or
 * ended by the callback.
 */
int expand_names(const struct template *, struct values *, expand_name_cb,
    void *arg);

/* An expanded template, but for what is known only later. */
struct expansion {
	struct buffer text;
	struct expand_hole *holes;
	size_t hole_count;
};

/*
 * Expands a text.  1; 0: an optional value is missing and, with is_whole, so is
 * the whole text (without it nothing, or null, takes the value's place); -1:
 * refused.
 */
int expand_text(const struct template *, bool is_whole, struct values *,
    struct expansion *);

/* Appends the text with {id} and {streams} put in; 0, or -1 (memory). */
int expand_fill(const struct expansion *, struct buffer *, struct text_span id,
    uint64_t streams);

void expansion_clear(struct expansion *);

#endif
