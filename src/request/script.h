/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_SCRIPT_H
#define CRIER_REQUEST_SCRIPT_H

#include "base/buffer.h"
#include "request/answer.h"

/*
 * The browser's half of crier, conf/www/crier.js: the build puts its short form
 * into the program, so that a page finds the one that goes with this crierd.
 */

/*
 * Appends the answer with the script, to whom the request's If-None-Match ("":
 * there is none) says what he has of it.  0, or -1 (memory).
 */
int script_append(struct buffer *, const struct answer_context *,
    const char *if_none_match);

/* The file, made by the build (Makefile.am, page_data.c). */
extern const unsigned char script_text[];
extern const size_t script_text_len;

#endif
