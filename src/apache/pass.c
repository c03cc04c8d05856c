/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_atomic.h>
#include <apr_buckets.h>
#include <apr_portable.h>

#include <httpd.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "apache/feed.h"
#include "apache/pass.h"

APLOG_USE_MODULE(crier);

enum {
	/* crierd answers at once. */
	ANSWER_SECONDS = 5,
	APP_STATUS_TAKEN = 1
};

/*
 * The output filters that need not see a stream: those that frame or write
 * it, those that look at the head alone, and compressors, which are switched
 * off for streams.
 */
static const char *const pass_filters[] = { "brotli_compress", "byterange",
	"bytype:brotli_compress", "bytype:deflate", "content_length", "core",
	"deflate", "fixup_headers_err", "fixup_headers_out", "http_header",
	"http_outerror", "log_input_output", "mod_expires", "req_core",
	"reqtimeout" };

static volatile apr_uint32_t pass_usual;

int
pass_is_usual(void)
{
	return apr_atomic_read32(&pass_usual) != 0;
}

static int
pass_filter_is_known(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(pass_filters) / sizeof(*pass_filters); i++)
		if (strcasecmp(name, pass_filters[i]) == 0)
			return 1;
	return 0;
}

static int
pass_filters_are_known(const request_rec *r)
{
	const ap_filter_t *f;

	for (f = r->output_filters; f != NULL; f = f->next) {
		if (pass_filter_is_known(f->frec->name))
			continue;
		ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
		    "crier: no passing on, because of the filter %s",
		    f->frec->name);
		return 0;
	}
	return 1;
}

/* A request behind this one would be lost. */
static int
pass_has_input(request_rec *r)
{
	conn_rec *c = r->connection;
	apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);
	int has_input;

	has_input = ap_get_brigade(c->input_filters, bb, AP_MODE_SPECULATIVE,
			APR_NONBLOCK_READ, 1) == APR_SUCCESS &&
	    !APR_BRIGADE_EMPTY(bb);
	apr_brigade_destroy(bb);
	return has_input;
}

int
pass_is_possible(request_rec *r, const struct crier_config *config)
{
	return config->pass != CRIER_PASS_OFF &&
	    r->connection->master == NULL && r->main == NULL &&
	    r->proto_num >= HTTP_VERSION(1, 0) &&
	    upstream_is_local(config->socket) && pass_filters_are_known(r) &&
	    (ap_request_has_body(r) || !pass_has_input(r));
}

int
pass_is_wanted(request_rec *r)
{
	const char *value = apr_table_get(r->err_headers_out, "X-Crier-Pass");
	int wanted = value != NULL && strcmp(value, "1") == 0;

	apr_table_unset(r->err_headers_out, "X-Crier-Pass");
	return wanted;
}

/* The head goes out, whole; 0, or -1 if the client has left. */
static int
pass_flush_head(request_rec *r)
{
	conn_rec *c = r->connection;
	apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);
	apr_status_t status;

	APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
	status = ap_pass_brigade(r->output_filters, bb);
	apr_brigade_destroy(bb);
	return status != APR_SUCCESS || c->aborted ? -1 : 0;
}

/*
 * A record without content, the descriptor on its first byte; client is -1
 * where httpd keeps it.  0 or -1.
 */
static int
pass_send(const struct upstream *u, int client)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char record[RECORD_HEADER];
	struct iovec iov = { .iov_base = record, .iov_len = sizeof(record) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	record_put_header(record, RECORD_CLIENT, 0);
	if (client != -1) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(client));
		memcpy(CMSG_DATA(c), &client, sizeof(client));
	}
	do
		n = sendmsg(u->fd, &message, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == sizeof(record) ? 0 : -1;
}

/*
 * What lets httpd close the connection without a shutdown(2), which would be
 * the client's as well: a socket that is connected to nobody, as in
 * mod_proxy_fdpass.  NULL if there is no descriptor for it.
 */
static apr_socket_t *
pass_create_nobody(conn_rec *c)
{
	apr_socket_t *nobody = NULL;

	apr_socket_create(&nobody, APR_INET, SOCK_STREAM, APR_PROTO_TCP,
	    c->pool);
	return nobody;
}

/*
 * What crierd says to the descriptor.  If it says nothing the descriptor may
 * be on its way still, and closing ours would not end the stream.
 */
static enum pass_result
pass_await(request_rec *r, struct upstream *u, int client, char *data,
    size_t size, size_t *len)
{
	ssize_t n;

	while ((n = upstream_read(u, data, size)) == 0) {
		if (upstream_wait(u, apr_time_from_sec(ANSWER_SECONDS)) == 0)
			continue;
		ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
		    "crier: crierd does not take a client's socket");
		shutdown(client, SHUT_RDWR);
		r->connection->aborted = 1;
		return PASS_GONE;
	}
	if (n > 0)
		*len = (size_t)n;
	return u->records.ended && u->records.app_status == APP_STATUS_TAKEN
	    ? PASS_DONE
	    : PASS_REFUSED;
}

/* The client's socket, or -1 if httpd must keep it after all. */
static apr_os_sock_t
pass_client_socket(request_rec *r)
{
	apr_os_sock_t client;
	struct feed f;

	feed_init(&f, r);
	if (feed_is_blocked(&f) || !pass_filters_are_known(r) ||
	    (ap_request_has_body(r) && pass_has_input(r)) ||
	    apr_os_sock_get(&client, ap_get_conn_socket(r->connection)) !=
		APR_SUCCESS)
		return -1;
	return client;
}

enum pass_result
pass_client(request_rec *r, struct upstream *u, char *data, size_t size,
    size_t *len)
{
	conn_rec *c = r->connection;
	enum pass_result result = PASS_REFUSED;
	apr_socket_t *nobody = NULL;
	apr_os_sock_t client;

	*len = 0;
	apr_atomic_set32(&pass_usual, 0);
	if (pass_flush_head(r) == -1)
		return PASS_GONE;
	client = pass_client_socket(r);
	if (client != -1)
		nobody = pass_create_nobody(c);
	if (pass_send(u, nobody != NULL ? client : -1) == 0 && nobody != NULL)
		result = pass_await(r, u, client, data, size, len);
	if (result == PASS_DONE) {
		ap_set_core_module_config(c->conn_config, nobody);
		apr_atomic_set32(&pass_usual, 1);
	} else if (nobody != NULL) {
		apr_socket_close(nobody);
	}
	return result;
}
