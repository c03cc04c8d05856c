/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "request/script.h"

enum {
	SCRIPT_ETAG_SIZE = 20 /* 16 digits in quotes */
};

int
script_append(struct buffer *b, const struct answer_context *c,
    const char *if_none_match)
{
	static const uint64_t key[2] = { 0, 0 };
	struct text_span body = { (const char *)script_text, script_text_len };
	char etag[SCRIPT_ETAG_SIZE];

	snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"",
	    siphash_64(key, body.text, body.len));
	/* A list of them, or a weak one of a server that compresses, has it. */
	return answer_file(b, c, "text/javascript; charset=utf-8", etag,
	    strstr(if_none_match, etag) != NULL, body);
}
