/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "request/page.h"

int
page_append(struct buffer *b, const struct answer_context *c,
    enum route_view view)
{
	switch (view) {
	case ROUTE_VIEW_SCRIPT:
		return answer_page(b, c, "text/javascript; charset=utf-8",
		    (struct text_span){
			(const char *)page_script, page_script_len });
	case ROUTE_VIEW_STYLE:
		return answer_page(b, c, "text/css; charset=utf-8",
		    (struct text_span){
			(const char *)page_style, page_style_len });
	default:
		return answer_page(b, c, "text/html; charset=utf-8",
		    (struct text_span){
			(const char *)page_html, page_html_len });
	}
}
