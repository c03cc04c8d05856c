/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * What happens to a request: a place for a stream is reserved, crierd is
 * asked, and its answer is sent on, a short one by this worker.  A stream is
 * crierd's altogether if it takes the client; otherwise it is the relay's or,
 * where that cannot be, holds the worker.
 */

#include <errno.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_script.h>

#include "apache/answer.h"
#include "apache/ask.h"
#include "apache/hold.h"
#include "apache/limit.h"
#include "apache/mod_crier.h"
#include "apache/pass.h"
#include "apache/relay.h"
#include "apache/upstream.h"

APLOG_USE_MODULE(crier);

enum {
	/* crierd's head, and what comes with it. */
	HEAD_SIZE = 16 * 1024,
	COMPLAIN_SECONDS = 10
};

/* A request's way. */
struct handler {
	request_rec *r;
	const struct crier_config *config;
	struct upstream upstream;
	enum place place; /* PLACE_NONE: there was none */
	int may_pass;
	/* crierd's answer as far as it was read: the head, and the rest. */
	char buffer[HEAD_SIZE + 1];
	size_t len, head_len;
};

/* Once in a while, for clients come again as long as crierd is away. */
static void
handler_complain(const struct handler *h, apr_status_t status, const char *text)
{
	static volatile apr_uint32_t last;
	apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
	apr_uint32_t before = apr_atomic_read32(&last);

	if (now - before < COMPLAIN_SECONDS ||
	    apr_atomic_cas32(&last, now, before) != before)
		return;
	ap_log_rerror(APLOG_MARK, APLOG_ERR, status, h->r,
	    "crier: crierd %s (CrierSocket %s)", text,
	    h->config->socket != NULL ? h->config->socket : "is the default");
}

/* The kind of place that this request needs if it becomes a stream. */
static enum place
handler_kind_of_place(const request_rec *r)
{
	if (r->header_only ||
	    (r->method_number != M_GET && r->method_number != M_POST))
		return PLACE_NONE;
	if (relay_can_take(r))
		return PLACE_RELAYED;
	return r->connection->master != NULL ? PLACE_HELD_HTTP2 : PLACE_HELD;
}

/* Reads until the head is complete; -1: crierd is gone or late. */
static int
handler_read_head(struct handler *h)
{
	apr_interval_time_t timeout = h->r->server->timeout;
	const char *end = NULL;
	ssize_t n = 0;

	while (end == NULL && h->len < HEAD_SIZE) {
		n = upstream_read(&h->upstream, h->buffer + h->len,
		    HEAD_SIZE - h->len);
		if (n < 0 || (n == 0 && upstream_wait(&h->upstream, timeout)))
			return -1;
		h->len += (size_t)n;
		h->buffer[h->len] = '\0';
		end = strstr(h->buffer, "\r\n\r\n");
	}
	if (end == NULL)
		return -1;
	h->head_len = (size_t)(end + 4 - h->buffer);
	return 0;
}

/* A line of the head for httpd; arg is where the next one begins. */
static int
handler_next_line(char *line, int size, void *arg)
{
	const char **at = arg;
	int n = 0;

	while (**at != '\0' && n < size - 1) {
		line[n++] = *(*at)++;
		if (line[n - 1] == '\n')
			break;
	}
	line[n] = '\0';
	return n;
}

/* OK, or what the handler is to return. */
static int
handler_take_head(struct handler *h)
{
	const char *at = h->buffer;
	char first = h->buffer[h->head_len];
	int status;

	h->buffer[h->head_len] = '\0';
	status =
	    ap_scan_script_header_err_core(h->r, NULL, handler_next_line, &at);
	h->buffer[h->head_len] = first;
	return status;
}

static int
handler_is_stream(const struct handler *h)
{
	const char *type = h->r->content_type;

	return type != NULL && strncmp(type, "text/event-stream", 17) == 0 &&
	    h->r->status == HTTP_OK && !h->r->header_only;
}

/* An answer that ends by itself; a client that does not read is waited for. */
static int
handler_send_short(struct handler *h)
{
	apr_interval_time_t timeout = h->r->server->timeout;
	ssize_t n = (ssize_t)(h->len - h->head_len);

	if (n > 0)
		ap_rwrite(h->buffer + h->head_len, (int)n, h->r);
	while (!h->r->connection->aborted) {
		n = upstream_read(&h->upstream, h->buffer, HEAD_SIZE);
		if (n < 0 || (n == 0 && upstream_wait(&h->upstream, timeout)))
			break;
		if (n > 0 && ap_rwrite(h->buffer, (int)n, h->r) < 0)
			break;
	}
	/* What is cut short must not look complete. */
	if (!h->upstream.records.ended)
		h->r->connection->keepalive = AP_CONN_CLOSE;
	return OK;
}

/* The stream is httpd's to serve: without a worker, or with this one. */
static int
handler_serve_stream(struct handler *h)
{
	const char *data = h->buffer + h->head_len;
	size_t len = h->len - h->head_len;

	if (h->place == PLACE_RELAYED) {
		h->place = PLACE_NONE;
		return relay_take(h->r, &h->upstream, data, len);
	}
	hold_stream(h->r, &h->upstream, data, len);
	return OK;
}

/*
 * crierd may have the client.  If it does not take it in the end, the stream
 * goes on here, or is ended, its head being sent, where there is no place.
 */
static int
handler_pass_stream(struct handler *h)
{
	enum pass_result result;

	result = pass_client(h->r, &h->upstream, h->buffer, HEAD_SIZE, &h->len);
	h->head_len = 0;
	if (result != PASS_REFUSED)
		return OK;
	if (h->place == PLACE_NONE) {
		ap_rprintf(h->r, "retry: %u\n\n", answer_retry_ms());
		return OK;
	}
	return handler_serve_stream(h);
}

static int
handler_send_stream(struct handler *h)
{
	request_rec *r = h->r;
	int wanted = pass_is_wanted(r);

	apr_table_setn(r->subprocess_env, "no-gzip", "1");
	apr_table_setn(r->subprocess_env, "no-brotli", "1");
	if (h->upstream.records.ended)
		return handler_send_short(h);
	/* Nothing follows a stream, so it needs no chunks to tell its end. */
	r->connection->keepalive = AP_CONN_CLOSE;
	if (wanted && h->may_pass && h->len == h->head_len)
		return handler_pass_stream(h);
	if (h->place == PLACE_NONE) {
		apr_table_clear(r->err_headers_out);
		return answer_later(r, "the server has enough streams");
	}
	return handler_serve_stream(h);
}

static int
handler_exchange(struct handler *h, apr_bucket_brigade *body)
{
	int status;

	if (upstream_open(&h->upstream, h->config->socket) == -1) {
		handler_complain(h, errno, "cannot be reached");
		return answer_down(h->r);
	}
	status = ask_send(h->r, &h->upstream, body, h->may_pass);
	if (status > 0)
		return status;
	if (status < 0 || handler_read_head(h) == -1) {
		handler_complain(h, 0, "did not answer");
		return answer_down(h->r);
	}
	status = handler_take_head(h);
	if (status != OK)
		return status;
	return handler_is_stream(h) ? handler_send_stream(h)
				    : handler_send_short(h);
}

int
handler_run(request_rec *r)
{
	struct handler h = { .r = r, .upstream = { .fd = -1 } };
	apr_bucket_brigade *body;
	enum place kind;
	int status;

	h.config = ap_get_module_config(r->per_dir_config, &crier_module);
	status = ask_prepare(r, &body);
	if (status == HTTP_REQUEST_ENTITY_TOO_LARGE)
		return answer_refusal(r, status, "the body is too large");
	if (status != OK)
		return status;
	kind = handler_kind_of_place(r);
	h.may_pass = kind != PLACE_NONE && pass_is_possible(r, h.config);
	if (limit_reserve(kind))
		h.place = kind;
	else if (kind != PLACE_NONE && answer_wants_stream(r) &&
	    !(h.may_pass && pass_is_usual()))
		return answer_later(r, "the server has enough streams");
	status = handler_exchange(&h, body);
	limit_release(h.place);
	upstream_close(&h.upstream);
	return status;
}
