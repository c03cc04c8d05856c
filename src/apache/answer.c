/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <string.h>

#include <apr_strings.h>

#include <httpd.h>
#include <http_protocol.h>

#include "apache/answer.h"

enum {
	RETRY_MIN_MS = 2000,
	RETRY_MAX_MS = 6000
};

unsigned
answer_retry_ms(void)
{
	return ap_random_pick(RETRY_MIN_MS, RETRY_MAX_MS);
}

int
answer_wants_stream(const request_rec *r)
{
	const char *accept = apr_table_get(r->headers_in, "Accept");

	return accept != NULL &&
	    ap_strcasestr(accept, "text/event-stream") != NULL;
}

/* There is nothing in these answers that another origin must not read. */
static void
answer_allow_origin(request_rec *r)
{
	const char *origin = apr_table_get(r->headers_in, "Origin");

	if (origin == NULL)
		return;
	apr_table_setn(r->headers_out, "Access-Control-Allow-Origin", origin);
	apr_table_setn(r->headers_out, "Access-Control-Allow-Credentials",
	    "true");
	apr_table_mergen(r->headers_out, "Vary", "Origin");
}

static int
answer_text(request_rec *r, const char *type, const char *text)
{
	ap_set_content_type(r, type);
	apr_table_setn(r->headers_out, "Cache-Control", "no-cache, no-store");
	apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
	answer_allow_origin(r);
	ap_set_content_length(r, (apr_off_t)strlen(text));
	ap_rputs(text, r);
	return OK;
}

int
answer_later(request_rec *r, const char *why)
{
	apr_table_setn(r->subprocess_env, "no-gzip", "1");
	apr_table_setn(r->subprocess_env, "no-brotli", "1");
	return answer_text(r, "text/event-stream; charset=utf-8",
	    apr_psprintf(r->pool, "retry: %u\n: %s\n\n", answer_retry_ms(),
		why));
}

int
answer_down(request_rec *r)
{
	/* To httpd HEAD is a GET, too. */
	if (r->method_number == M_GET && !r->header_only &&
	    answer_wants_stream(r))
		return answer_later(r, "crierd is not running");
	apr_table_setn(r->headers_out, "Retry-After", "5");
	return answer_refusal(r, HTTP_SERVICE_UNAVAILABLE,
	    "crierd is not running");
}

/* OK is returned, for with a status httpd would send its own HTML. */
int
answer_refusal(request_rec *r, int status, const char *error)
{
	r->status = status;
	return answer_text(r, "application/json",
	    apr_psprintf(r->pool, "{\"ok\":false,\"error\":\"%s\"}\n", error));
}
