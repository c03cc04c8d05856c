/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "request/answer.h"
#include "request/origin.h"

static const char *
answer_allow(const struct answer_context *c)
{
	if (c->allow == NULL || c->allow[0] == '\0')
		return "GET, HEAD, POST, OPTIONS";
	return c->allow;
}

static const char *
answer_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = { { 200, "OK" }, { 204, "No Content" },
		{ 304, "Not Modified" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 409, "Conflict" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" } };
	size_t i;

	for (i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Error";
}

/*
 * Cross-origin sharing (Fetch, 3.2.3): credentials only for an origin that is
 * named, and `*` never together with them.
 */
static int
answer_put_cors(struct buffer *b, const struct answer_context *c)
{
	const struct config_list *allowed = &c->config->allow_origin;
	bool any = false;
	size_t i;

	if (allowed->count == 0)
		return 0;
	if (origin_is_named(c->origin, c->config))
		return buffer_printf(b,
		    "Access-Control-Allow-Origin: %s\r\n"
		    "Access-Control-Allow-Credentials: true\r\n"
		    "Vary: Origin\r\n",
		    c->origin);
	for (i = 0; i < allowed->count; i++)
		any = any || strcmp(allowed->items[i], "*") == 0;
	return buffer_append_text(b,
	    any ? "Access-Control-Allow-Origin: *\r\nVary: Origin\r\n"
		: "Vary: Origin\r\n");
}

static int
answer_put_status(struct buffer *b, const struct answer_context *c, int status)
{
	if (c->is_raw &&
	    buffer_printf(b, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status,
		answer_phrase(status)) == -1)
		return -1;
	if (!c->is_raw &&
	    buffer_printf(b, "Status: %d %s\r\n", status,
		answer_phrase(status)) == -1)
		return -1;
	/* A body may have a publisher's text: no browser shall guess HTML. */
	if (buffer_append_text(b, "X-Content-Type-Options: nosniff\r\n") == -1)
		return -1;
	return answer_put_cors(b, c);
}

static int
answer_put_padding(struct buffer *b, uint64_t padding)
{
	char *to;

	if (padding == 0)
		return 0;
	if ((to = buffer_reserve(b, padding)) == NULL)
		return -1;
	/*
	 * The padding is one comment line of the event stream; its end counts.
	 */
	memset(to, ' ', padding);
	to[0] = ':';
	to[padding - 1] = '\n';
	buffer_commit(b, padding);
	return 0;
}

int
answer_stream(struct buffer *b, const struct answer_context *c,
    uint64_t padding)
{
	if (answer_put_status(b, c, 200) == -1 ||
	    buffer_append_text(b,
		"Content-Type: text/event-stream; charset=utf-8\r\n"
		"Cache-Control: no-cache, no-store, no-transform\r\n"
		"X-Accel-Buffering: no\r\n"
		"\r\n") == -1)
		return -1;
	return c->is_head ? 0 : answer_put_padding(b, padding);
}

int
answer_retry(struct buffer *b, uint64_t retry_ms, const char *why)
{
	return buffer_printf(b, "retry: %llu\n\n: %s\n\n",
	    (unsigned long long)retry_ms, why);
}

int
answer_later(struct buffer *b, const struct answer_context *c,
    uint64_t retry_ms, const char *why)
{
	if (answer_stream(b, c, 0) == -1)
		return -1;
	return answer_retry(b, retry_ms, why);
}

static int
answer_put_error_body(struct buffer *b, const char *error)
{
	struct json_object *o = json_object_new_object();

	json_add_flag(o, "ok", false);
	json_add_string(o, "error", error);
	return json_append_line(b, o);
}

int
answer_text(struct buffer *b, const struct answer_context *c, int status,
    const char *type, struct text_span body)
{
	if (answer_put_status(b, c, status) == -1 ||
	    (status != 204 &&
		buffer_printf(b, "Content-Type: %s\r\n", type) == -1) ||
	    buffer_append_text(b, "Cache-Control: no-store\r\n\r\n") == -1)
		return -1;
	if (c->is_head || status == 204)
		return 0;
	return buffer_append(b, body.text, body.len);
}

int
answer_page(struct buffer *b, const struct answer_context *c, const char *type,
    struct text_span body)
{
	if (answer_put_status(b, c, 200) == -1 ||
	    buffer_printf(b,
		"Content-Type: %s\r\n"
		"Content-Security-Policy: default-src 'none'; "
		"script-src 'self'; style-src 'self'; connect-src 'self'; "
		"img-src data:; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'\r\n"
		"Referrer-Policy: no-referrer\r\n"
		"Cache-Control: no-store\r\n\r\n",
		type) == -1)
		return -1;
	return c->is_head ? 0 : buffer_append(b, body.text, body.len);
}

int
answer_file(struct buffer *b, const struct answer_context *c, const char *type,
    const char *etag, bool is_known, struct text_span body)
{
	if (answer_put_status(b, c, is_known ? 304 : 200) == -1 ||
	    (!is_known &&
		buffer_printf(b, "Content-Type: %s\r\n", type) == -1) ||
	    buffer_printf(b,
		"Cache-Control: max-age=3600\r\n"
		"ETag: %s\r\n\r\n",
		etag) == -1)
		return -1;
	if (c->is_head || is_known)
		return 0;
	return buffer_append(b, body.text, body.len);
}

int
answer_error(struct buffer *b, const struct answer_context *c, int status,
    const char *error)
{
	if (answer_put_status(b, c, status) == -1)
		return -1;
	if (status == 405 &&
	    buffer_printf(b, "Allow: %s\r\n", answer_allow(c)) == -1)
		return -1;
	if (status == 503 && buffer_append_text(b, "Retry-After: 5\r\n") == -1)
		return -1;
	if (status == 401 &&
	    buffer_append_text(b, "WWW-Authenticate: Bearer\r\n") == -1)
		return -1;
	if (buffer_append_text(b,
		"Content-Type: application/json\r\n"
		"Cache-Control: no-store\r\n"
		"\r\n") == -1)
		return -1;
	return c->is_head ? 0 : answer_put_error_body(b, error);
}

int
answer_stop(struct buffer *b, const struct answer_context *c)
{
	if (answer_put_status(b, c, 204) == -1)
		return -1;
	return buffer_append_text(b, "Cache-Control: no-store\r\n\r\n");
}

int
answer_options(struct buffer *b, const struct answer_context *c)
{
	if (answer_put_status(b, c, 204) == -1 ||
	    buffer_printf(b, "Allow: %s\r\n", answer_allow(c)) == -1)
		return -1;
	if (c->config->allow_origin.count > 0 &&
	    buffer_printf(b,
		"Access-Control-Allow-Methods: %s\r\n"
		"Access-Control-Allow-Headers: Last-Event-ID, Cache-Control, "
		"Authorization, Content-Type, Idempotency-Key\r\n"
		"Access-Control-Max-Age: 86400\r\n",
		answer_allow(c)) == -1)
		return -1;
	return buffer_append_text(b, "\r\n");
}
