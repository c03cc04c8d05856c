/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "store/redis_tls.h"

#ifdef HAVE_LIBEVENT_OPENSSL

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <event2/bufferevent_ssl.h>

struct redis_tls {
	SSL_CTX *context;
};

static int
redis_tls_fail(char **cause, const char *what)
{
	char text[256];

	ERR_error_string_n(ERR_get_error(), text, sizeof text);
	return cause_set(cause, "%s: %s", what, text);
}

static int
redis_tls_init(struct redis_tls *tls, const char *ca, char **cause)
{
	if ((tls->context = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
		return redis_tls_fail(cause, "TLS");
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	if (*ca == '\0')
		return SSL_CTX_set_default_verify_paths(tls->context) == 1
		    ? 0
		    : redis_tls_fail(cause, "TLS");
	return SSL_CTX_load_verify_locations(tls->context, ca, NULL) == 1
	    ? 0
	    : redis_tls_fail(cause, ca);
}

struct redis_tls *
redis_tls_new(const char *ca, char **cause)
{
	struct redis_tls *tls = calloc(1, sizeof *tls);

	*cause = NULL;
	if (tls == NULL)
		return NULL;
	if (redis_tls_init(tls, ca, cause) == 0)
		return tls;
	redis_tls_free(tls);
	return NULL;
}

void
redis_tls_free(struct redis_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

/* An address is verified as one; all else is a name, which is sent, too. */
static int
redis_tls_expect(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return 0;
	return SSL_set1_host(ssl, host) == 1 &&
		SSL_set_tlsext_host_name(ssl, host) == 1
	    ? 0
	    : -1;
}

struct bufferevent *
redis_tls_bufferevent(struct redis_tls *tls, struct event_base *base,
    const char *host)
{
	SSL *ssl = SSL_new(tls->context);
	struct bufferevent *bev;

	if (ssl == NULL)
		return NULL;
	if (redis_tls_expect(ssl, host) == -1) {
		SSL_free(ssl);
		return NULL;
	}
	/* The bufferevent's from here on, also if it cannot be made. */
	bev = bufferevent_openssl_socket_new(base, -1, ssl,
	    BUFFEREVENT_SSL_CONNECTING,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (bev != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

bool
redis_tls_why(struct bufferevent *bev, char *to, size_t size)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long error = bufferevent_get_openssl_error(bev);
	long verified;

	if (ssl == NULL)
		return false;
	verified = SSL_get_verify_result(ssl);
	if (verified != X509_V_OK)
		snprintf(to, size, "its certificate: %s",
		    X509_verify_cert_error_string(verified));
	else if (error != 0)
		snprintf(to, size, "TLS: %s", ERR_reason_error_string(error));
	return verified != X509_V_OK || error != 0;
}

#else

struct redis_tls *
redis_tls_new(const char *ca, char **cause)
{
	(void)ca;
	cause_set(cause, "this crierd was built without TLS");
	return NULL;
}

void
redis_tls_free(struct redis_tls *tls)
{
	(void)tls;
}

struct bufferevent *
redis_tls_bufferevent(struct redis_tls *tls, struct event_base *base,
    const char *host)
{
	(void)tls;
	(void)base;
	(void)host;
	return NULL;
}

bool
redis_tls_why(struct bufferevent *bev, char *to, size_t size)
{
	(void)bev;
	(void)to;
	(void)size;
	return false;
}

#endif
