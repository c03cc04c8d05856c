/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdlib.h>
#include <string.h>

#include <apr_buckets.h>
#include <apr_strings.h>

#include <httpd.h>
#include <http_protocol.h>
#include <util_script.h>

#include "apache/answer.h"
#include "apache/ask.h"

enum {
	/* What a body may have whose length is known at its end only. */
	BODY_MAX = 1024 * 1024,
	BODY_PART = 16 * 1024
};

/* All of the body in memory; -1: broken off, 1: too much. */
static int
ask_gather(request_rec *r, apr_bucket_brigade *body)
{
	char part[BODY_PART];
	apr_off_t all = 0;
	long n;

	while ((n = ap_get_client_block(r, part, sizeof(part))) > 0) {
		all += n;
		if (all > BODY_MAX)
			return 1;
		apr_brigade_write(body, NULL, NULL, part, (apr_size_t)n);
	}
	if (n < 0)
		return -1;
	apr_table_setn(r->subprocess_env, "CONTENT_LENGTH",
	    apr_off_t_toa(r->pool, all));
	return 0;
}

int
ask_prepare(request_rec *r, apr_bucket_brigade **body)
{
	int status;

	*body = NULL;
	ap_add_common_vars(r);
	ap_add_cgi_vars(r);
	status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
	if (status != OK)
		return status;
	if (!r->read_chunked || !ap_should_client_block(r))
		return OK;
	*body = apr_brigade_create(r->pool, r->connection->bucket_alloc);
	status = ask_gather(r, *body);
	if (status == 0)
		return OK;
	r->connection->keepalive = AP_CONN_CLOSE;
	return status == 1 ? HTTP_REQUEST_ENTITY_TOO_LARGE : HTTP_BAD_REQUEST;
}

/* httpd keeps this header to itself; what crierd has rules for needs it. */
static void
ask_add_variables(request_rec *r, int may_pass)
{
	const char *auth = apr_table_get(r->headers_in, "Authorization");

	if (auth != NULL)
		apr_table_setn(r->subprocess_env, "HTTP_AUTHORIZATION", auth);
	if (may_pass)
		apr_table_setn(r->subprocess_env, "CRIER_PASS", "1");
	else
		apr_table_unset(r->subprocess_env, "CRIER_PASS");
}

/* The variables as pairs, behind room for nothing else; NULL: no memory. */
static char *
ask_pairs(const request_rec *r, size_t *len)
{
	const apr_array_header_t *all = apr_table_elts(r->subprocess_env);
	const apr_table_entry_t *one = (const apr_table_entry_t *)all->elts;
	char *pairs, *to;
	size_t size = 1;
	int i;

	for (i = 0; i < all->nelts; i++)
		size += record_pair_size(one[i].key,
		    one[i].val != NULL ? one[i].val : "");
	pairs = to = malloc(size);
	if (pairs == NULL)
		return NULL;
	for (i = 0; i < all->nelts; i++)
		to = record_put_pair(to, one[i].key,
		    one[i].val != NULL ? one[i].val : "");
	*len = (size_t)(to - pairs);
	return pairs;
}

/* Appends records of one type, and the empty one that ends them (3.3). */
static size_t
ask_put_stream(char *to, enum record_type type, const char *data, size_t len)
{
	size_t n, out = 0;

	while (len > 0) {
		n = len < RECORD_CONTENT_MAX ? len : RECORD_CONTENT_MAX;
		record_put_header(to + out, type, n);
		memcpy(to + out + RECORD_HEADER, data, n);
		out += RECORD_HEADER + n;
		data += n;
		len -= n;
	}
	record_put_header(to + out, type, 0);
	return out + RECORD_HEADER;
}

/*
 * BEGIN_REQUEST, the parameters and, if there is no body, the end of STDIN:
 * crierd usually gets the whole request by one send.  The memory is malloc's:
 * a stream keeps the request's pool for as long as it lives.
 */
static int
ask_send_head(request_rec *r, struct upstream *u, int no_body)
{
	char *pairs, *all;
	size_t pairs_len, len;
	int sent = -1;

	pairs = ask_pairs(r, &pairs_len);
	if (pairs == NULL)
		return -1;
	len = 16 + 2 * RECORD_HEADER + pairs_len +
	    (pairs_len / RECORD_CONTENT_MAX + 1) * RECORD_HEADER;
	all = malloc(len);
	if (all != NULL) {
		record_put_begin(all);
		len = 16 +
		    ask_put_stream(all + 16, RECORD_PARAMS, pairs, pairs_len);
		if (no_body)
			len += ask_put_stream(all + len, RECORD_STDIN, "", 0);
		sent = upstream_send(u, all, len, r->server->timeout);
	}
	free(all);
	free(pairs);
	return sent;
}

static int
ask_send_part(request_rec *r, struct upstream *u, const char *data, size_t len)
{
	char header[RECORD_HEADER];
	size_t n;
	int sent;

	do {
		n = len < RECORD_CONTENT_MAX ? len : RECORD_CONTENT_MAX;
		record_put_header(header, RECORD_STDIN, n);
		sent = upstream_send(u, header, sizeof(header),
		    r->server->timeout);
		if (sent == 0 && n > 0)
			sent = upstream_send(u, data, n, r->server->timeout);
		data += n;
		len -= n;
	} while (sent == 0 && len > 0);
	return sent;
}

/* A body whose length was said goes on as it comes. */
static int
ask_send_body(request_rec *r, struct upstream *u)
{
	char part[BODY_PART];
	int sent;
	long n;

	while ((n = ap_get_client_block(r, part, sizeof(part))) > 0) {
		sent = ask_send_part(r, u, part, (size_t)n);
		if (sent != 0)
			return sent;
	}
	return n < 0 ? HTTP_BAD_REQUEST : ask_send_part(r, u, "", 0);
}

static int
ask_send_gathered(request_rec *r, struct upstream *u, apr_bucket_brigade *body)
{
	const char *data;
	apr_bucket *b;
	apr_size_t len;
	int sent = 0;

	for (b = APR_BRIGADE_FIRST(body);
	     sent == 0 && b != APR_BRIGADE_SENTINEL(body);
	     b = APR_BUCKET_NEXT(b)) {
		if (apr_bucket_read(b, &data, &len, APR_BLOCK_READ) !=
		    APR_SUCCESS)
			return -1;
		if (len > 0)
			sent = ask_send_part(r, u, data, len);
	}
	return sent != 0 ? sent : ask_send_part(r, u, "", 0);
}

int
ask_send(request_rec *r, struct upstream *u, apr_bucket_brigade *body,
    int may_pass)
{
	int has_body = body != NULL || ap_should_client_block(r);
	int sent;

	ask_add_variables(r, may_pass);
	sent = ask_send_head(r, u, !has_body);
	if (sent == 0 && body != NULL)
		sent = ask_send_gathered(r, u, body);
	else if (sent == 0 && has_body)
		sent = ask_send_body(r, u);
	if (sent > 1) {
		r->connection->keepalive = AP_CONN_CLOSE;
		return sent;
	}
	/* 1: crierd answers before it has read all, and that answer counts. */
	return sent == -1 ? -1 : OK;
}
