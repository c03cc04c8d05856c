/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * nginx's module: a stream's own client goes to crierd, and nginx keeps nothing
 * of the stream.  It stands beside fastcgi_pass, which does all else, and knows
 * FastCGI's records and nothing of crierd's.
 *
 * 1. The variable $crier_pass is 1 for a request whose client may be passed on,
 *    and empty for all others; it is sent as the parameter CRIER_PASS.
 * 2. crierd, if it is willing, adds X-Crier-Pass: 1 to the head of a stream,
 *    and holds all else back for a second.  The header filter takes it off.
 * 3. When the client has the whole head, a record of type 64 goes to crierd,
 *    with the client's socket on its first byte.  Without it: no, thanks.
 * 4. crierd answers END_REQUEST with appStatus 1: the socket is its.  Anything
 *    else is the stream, which goes on by FastCGI.
 *
 * The answer is looked at where it lies (MSG_PEEK), and nginx reads it: in both
 * cases the request ends, or goes on, as any other behind fastcgi_pass.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

enum {
	/* crierd answers at once. */
	ANSWER_MS = 5000,
	FCGI_VERSION = 1,
	FCGI_END_REQUEST = 3,
	RECORD_CLIENT = 64,
	RECORD_HEADER = 8,
	/* The header, and the status's four bytes. */
	ANSWER_BYTES = RECORD_HEADER + 4,
	APP_STATUS_TAKEN = 1
};

enum crier_pass_state {
	CRIER_PASS_OFFERED, /* the request says CRIER_PASS=1 */
	CRIER_PASS_REFUSED, /* crierd is willing, and nginx cannot */
	CRIER_PASS_WANTED,  /* the head goes to the client */
	CRIER_PASS_AWAITED, /* the socket is on its way */
	CRIER_PASS_OVER
};

struct crier_pass {
	ngx_http_request_t *request;
	enum crier_pass_state state;
	ngx_uint_t is_flushing;
	ngx_event_t event; /* sends the record, outside of all filters */
	/* fastcgi_pass's, while an answer is awaited. */
	ngx_http_upstream_handler_pt upstream_read;
	ngx_http_event_handler_pt client_read, client_write;
};

extern ngx_module_t ngx_http_crier_pass_module;

static ngx_http_output_header_filter_pt crier_pass_next_header;
static ngx_http_output_body_filter_pt crier_pass_next_body;

/* What the client sent behind its request would be lost. */
static ngx_uint_t
crier_pass_has_input(const ngx_http_request_t *r)
{
	char byte;

	if (r->header_in->pos < r->header_in->last)
		return 1;
	return recv(r->connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) !=
	    -1 ||
	    ngx_socket_errno != NGX_EAGAIN;
}

static ngx_uint_t
crier_pass_is_possible(const ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
	if (r->connection->ssl != NULL)
		return 0;
#endif
	return r == r->main && r->http_version >= NGX_HTTP_VERSION_10 &&
	    r->http_version <= NGX_HTTP_VERSION_11 && !r->reading_body &&
	    ngx_del_conn != NULL && ngx_add_conn != NULL &&
	    !crier_pass_has_input(r);
}

/*
 * The descriptor goes on the first byte; client is -1 where there is none.
 * NGX_OK or NGX_ERROR.
 */
static ngx_int_t
crier_pass_send(int upstream, unsigned request_id, int client)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	u_char record[RECORD_HEADER] = { FCGI_VERSION, RECORD_CLIENT,
		(u_char)(request_id >> 8), (u_char)request_id };
	struct iovec iov = { .iov_base = record, .iov_len = sizeof(record) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	ngx_memzero(&control, sizeof(control));
	if (client != -1) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(client));
		ngx_memcpy(CMSG_DATA(c), &client, sizeof(client));
	}
	return sendmsg(upstream, &message, MSG_NOSIGNAL) == sizeof(record)
	    ? NGX_OK
	    : NGX_ERROR;
}

/*
 * Takes the client out of nginx's epoll; closing would not do it, for the file
 * lives on in crierd.
 */
static ngx_int_t
crier_pass_unwatch(ngx_connection_t *c)
{
	if (c->read->timer_set)
		ngx_del_timer(c->read);
	if (c->write->timer_set)
		ngx_del_timer(c->write);
	if (!c->read->active && !c->write->active)
		return NGX_OK;
	return ngx_del_conn(c, 0);
}

/* fastcgi_pass goes on with what crierd has answered. */
static void
crier_pass_go_on(struct crier_pass *p)
{
	ngx_http_request_t *r = p->request;
	ngx_http_upstream_t *u = r->upstream;

	p->state = CRIER_PASS_OVER;
	u->read_event_handler = p->upstream_read;
	r->read_event_handler = p->client_read;
	r->write_event_handler = p->client_write;
	u->read_event_handler(r, u);
}

/* The client is nginx's again. */
static void
crier_pass_take_back(struct crier_pass *p)
{
	ngx_http_request_t *r = p->request;
	ngx_connection_t *c = r->connection;

	if (!c->read->active && ngx_add_conn(c) != NGX_OK)
		c->error = 1;
	crier_pass_go_on(p);
}

/* The client is crierd's: no lingering close, which would shut it down. */
static void
crier_pass_let_go(struct crier_pass *p)
{
	p->request->connection->read->eof = 1;
	crier_pass_go_on(p);
}

/* Whether these are the first bytes of END_REQUEST with our appStatus. */
static ngx_uint_t
crier_pass_is_taken(const u_char *data, ssize_t len)
{
	const u_char *status = data + RECORD_HEADER;

	return len == ANSWER_BYTES && data[0] == FCGI_VERSION &&
	    data[1] == FCGI_END_REQUEST && status[0] == 0 && status[1] == 0 &&
	    status[2] == 0 && status[3] == APP_STATUS_TAKEN;
}

/* crierd's answer to the descriptor; its connection is readable. */
static void
crier_pass_answered(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
	struct crier_pass *p =
	    ngx_http_get_module_ctx(r, ngx_http_crier_pass_module);
	ngx_connection_t *c = u->peer.connection;
	u_char data[ANSWER_BYTES];
	ssize_t n;

	if (c->read->timedout) {
		/* It may have the client's socket, or get it later. */
		ngx_log_error(NGX_LOG_ERR, c->log, 0,
		    "crier: crierd does not take a client's socket");
		shutdown(r->connection->fd, SHUT_RDWR);
		crier_pass_go_on(p);
		return;
	}
	n = recv(c->fd, data, sizeof(data), MSG_PEEK);
	if ((n == -1 && ngx_socket_errno == NGX_EAGAIN) ||
	    (n > 0 && n < ANSWER_BYTES && !c->read->pending_eof)) {
		c->read->ready = 0;
		return;
	}
	if (crier_pass_is_taken(data, n))
		crier_pass_let_go(p);
	else
		crier_pass_take_back(p);
}

/* The head is with the client: its socket goes to crierd. */
static void
crier_pass_client(struct crier_pass *p)
{
	ngx_http_request_t *r = p->request;
	ngx_http_upstream_t *u = r->upstream;
	ngx_connection_t *c = r->connection, *upstream = u->peer.connection;

	if (c->tcp_nopush == NGX_TCP_NOPUSH_SET) {
		ngx_tcp_push(c->fd);
		c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;
	}
	p->state = CRIER_PASS_AWAITED;
	p->upstream_read = u->read_event_handler;
	p->client_read = r->read_event_handler;
	p->client_write = r->write_event_handler;
	u->read_event_handler = crier_pass_answered;
	r->read_event_handler = ngx_http_block_reading;
	r->write_event_handler = ngx_http_request_empty_handler;
	if (crier_pass_unwatch(c) != NGX_OK ||
	    crier_pass_send(upstream->fd, 1, c->fd) != NGX_OK) {
		crier_pass_take_back(p);
		return;
	}
	ngx_add_timer(upstream->read, ANSWER_MS);
}

/*
 * Whether the client has the head.  nginx itself may keep it until there is
 * more, without a word in "buffered".
 */
static ngx_uint_t
crier_pass_flush_head(struct crier_pass *p)
{
	ngx_http_request_t *r = p->request;
	ngx_int_t result;

	p->is_flushing = 1;
	result = ngx_http_send_special(r, NGX_HTTP_FLUSH);
	p->is_flushing = 0;
	return result != NGX_ERROR && !r->buffered && !r->connection->buffered;
}

/* Behind the filters: what to say to crierd. */
static void
crier_pass_event(ngx_event_t *event)
{
	struct crier_pass *p = event->data;
	ngx_http_request_t *r = p->request;
	ngx_connection_t *c = r->connection;
	ngx_http_upstream_t *u = r->upstream;

	if (u == NULL || u->peer.connection == NULL) {
		p->state = CRIER_PASS_OVER;
	} else if (p->state == CRIER_PASS_REFUSED ||
	    (p->state == CRIER_PASS_WANTED && crier_pass_has_input(r))) {
		p->state = CRIER_PASS_OVER;
		crier_pass_send(u->peer.connection->fd, 1, -1);
	} else if (p->state == CRIER_PASS_WANTED && crier_pass_flush_head(p)) {
		crier_pass_client(p);
		ngx_http_run_posted_requests(c);
	}
}

/* Takes crierd's header off; whether it was there. */
static ngx_uint_t
crier_pass_take_header(ngx_http_request_t *r)
{
	static const char name[] = "X-Crier-Pass";
	ngx_list_part_t *part;
	ngx_table_elt_t *h;
	ngx_uint_t i;

	for (part = &r->headers_out.headers.part; part != NULL;
	     part = part->next)
		for (h = part->elts, i = 0; i < part->nelts; i++)
			if (h[i].hash != 0 &&
			    h[i].key.len == sizeof(name) - 1 &&
			    ngx_strncasecmp(h[i].key.data, (u_char *)name,
				sizeof(name) - 1) == 0) {
				h[i].hash = 0;
				return 1;
			}
	return 0;
}

/*
 * What passes streams on is that they end with their connections: as in
 * HTTP/1.0 there are no chunks, and the connection is not kept.
 */
static ngx_int_t
crier_pass_header_filter(ngx_http_request_t *r)
{
	struct crier_pass *p =
	    ngx_http_get_module_ctx(r, ngx_http_crier_pass_module);
	ngx_uint_t version = r->http_version;
	ngx_int_t result;

	if (p == NULL || p->state != CRIER_PASS_OFFERED ||
	    !crier_pass_take_header(r))
		return crier_pass_next_header(r);
	r->http_version = NGX_HTTP_VERSION_10;
	result = crier_pass_next_header(r);
	r->http_version = version;
	r->keepalive = 0;
	/* Filters that must see what follows say so, in one of two words. */
	p->state = r->upstream->buffering || r->header_only ||
		r->filter_need_in_memory || r->main_filter_need_in_memory
	    ? CRIER_PASS_REFUSED
	    : CRIER_PASS_WANTED;
	ngx_post_event(&p->event, &ngx_posted_events);
	return result;
}

static ngx_int_t
crier_pass_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
	struct crier_pass *p =
	    ngx_http_get_module_ctx(r, ngx_http_crier_pass_module);
	ngx_chain_t *link;

	if (p == NULL || p->state != CRIER_PASS_WANTED || p->is_flushing)
		return crier_pass_next_body(r, in);
	for (link = in; link != NULL; link = link->next)
		if (ngx_buf_size(link->buf) > 0)
			/* The second is over. */
			p->state = CRIER_PASS_OVER;
	if (p->state == CRIER_PASS_WANTED) {
		ngx_post_event(&p->event, &ngx_posted_events);
	}
	return crier_pass_next_body(r, in);
}

static void
crier_pass_cleanup(void *data)
{
	struct crier_pass *p = data;

	/* These are macros of several statements. */
	if (p->event.posted) {
		ngx_delete_posted_event(&p->event);
	}
}

/* NULL if there is no memory. */
static struct crier_pass *
crier_pass_new(ngx_http_request_t *r)
{
	struct crier_pass *p;
	ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(*p));

	if (cleanup == NULL)
		return NULL;
	p = cleanup->data;
	ngx_memzero(p, sizeof(*p));
	p->request = r;
	p->event.data = p;
	p->event.handler = crier_pass_event;
	p->event.log = r->connection->log;
	cleanup->handler = crier_pass_cleanup;
	ngx_http_set_ctx(r, p, ngx_http_crier_pass_module);
	return p;
}

/* Of $crier_pass. */
static ngx_int_t
crier_pass_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
    uintptr_t data)
{
	(void)data;
	value->not_found = 1;
	if (!crier_pass_is_possible(r))
		return NGX_OK;
	if (ngx_http_get_module_ctx(r, ngx_http_crier_pass_module) == NULL &&
	    crier_pass_new(r) == NULL)
		return NGX_ERROR;
	value->not_found = 0;
	value->valid = 1;
	value->len = 1;
	value->data = (u_char *)"1";
	return NGX_OK;
}

static ngx_int_t
crier_pass_add_variable(ngx_conf_t *cf)
{
	ngx_str_t name = ngx_string("crier_pass");
	ngx_http_variable_t *variable =
	    ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);

	if (variable == NULL)
		return NGX_ERROR;
	variable->get_handler = crier_pass_variable;
	return NGX_OK;
}

static ngx_int_t
crier_pass_add_filters(ngx_conf_t *cf)
{
	(void)cf;
	crier_pass_next_header = ngx_http_top_header_filter;
	ngx_http_top_header_filter = crier_pass_header_filter;
	crier_pass_next_body = ngx_http_top_body_filter;
	ngx_http_top_body_filter = crier_pass_body_filter;
	return NGX_OK;
}

static ngx_http_module_t crier_pass_context = {
	.preconfiguration = crier_pass_add_variable,
	.postconfiguration = crier_pass_add_filters,
};

ngx_module_t ngx_http_crier_pass_module = {
	NGX_MODULE_V1,
	.ctx = &crier_pass_context,
	.type = NGX_HTTP_MODULE,
};
