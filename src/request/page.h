/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_REQUEST_PAGE_H
#define CRIER_REQUEST_PAGE_H

#include "base/buffer.h"
#include "request/answer.h"
#include "request/route.h"

/*
 * The status page: three files, which the build puts into the program from
 * src/request/page, so that the page is there wherever crierd is.
 */

/*
 * Appends the answer with the file of a view (page, script or style).  0, or -1
 * (memory).
 */
int
page_append(struct buffer *, const struct answer_context *, enum route_view);

/* The files, made by the build (Makefile.am, page_data.c). */
extern const unsigned char page_html[], page_script[], page_style[];
extern const size_t page_html_len, page_script_len, page_style_len;

#endif
