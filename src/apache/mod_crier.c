/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * mod_crier: Apache hands requests over to crierd, and holds no worker for
 * the streams that it answers with.  Here are its directives and its hooks.
 */

#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <ap_mpm.h>
#include <mpm_common.h>

#include "apache/child.h"
#include "apache/limit.h"
#include "apache/mod_crier.h"
#include "apache/relay.h"
#include "apache/upstream.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
#error "mod_crier needs httpd 2.4.49: older ones do not say when a child stops"
#endif

/* CrierMaxStreams; 0: as many as the MPM allows. */
static int max_streams;

static void *
crier_create_config(apr_pool_t *p,
    char *dir) /* NOLINT(readability-non-const-parameter) */
{
	(void)dir;
	return apr_pcalloc(p, sizeof(struct crier_config));
}

static void *
crier_merge_config(apr_pool_t *p, void *base, void *over)
{
	const struct crier_config *outer = base, *inner = over;
	struct crier_config *c = apr_palloc(p, sizeof(*c));

	c->socket = inner->socket != NULL ? inner->socket : outer->socket;
	c->pass = inner->pass != CRIER_PASS_UNSET ? inner->pass : outer->pass;
	return c;
}

static const char *
crier_set_socket(cmd_parms *cmd, void *config, const char *value)
{
	(void)cmd;
	((struct crier_config *)config)->socket = value;
	return upstream_check(value);
}

static const char *
crier_set_pass(cmd_parms *cmd, void *config, const char *value)
{
	struct crier_config *c = config;

	(void)cmd;
	if (strcasecmp(value, "auto") == 0)
		c->pass = CRIER_PASS_AUTO;
	else if (strcasecmp(value, "off") == 0)
		c->pass = CRIER_PASS_OFF;
	else
		return "CrierPass must be auto or off";
	return NULL;
}

static const char *
crier_set_max_streams(cmd_parms *cmd, void *config, const char *value)
{
	const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
	char *end;
	long n;

	(void)config;
	if (error != NULL)
		return error;
	n = strtol(value, &end, 10);
	if (end == value || *end != '\0' || n < 1 || n > 1000000)
		return "CrierMaxStreams must be a number from 1 to 1000000";
	max_streams = (int)n;
	return NULL;
}

/* clang-format off */
static const command_rec crier_commands[] = {
	AP_INIT_TAKE1("CrierSocket", crier_set_socket, NULL, OR_FILEINFO,
	    "crierd's socket: /a/path, unix:/a/path or tcp:HOST:PORT"),
	AP_INIT_TAKE1("CrierPass", crier_set_pass, NULL, OR_FILEINFO,
	    "auto: hand the sockets of plain HTTP clients to crierd; or off"),
	AP_INIT_TAKE1("CrierMaxStreams", crier_set_max_streams, NULL,
	    RSRC_CONF, "how many streams a child may have without a worker"),
	{ NULL }
};
/* clang-format on */

static int
crier_pre_config(apr_pool_t *p, apr_pool_t *log, apr_pool_t *temporary)
{
	(void)p;
	(void)log;
	(void)temporary;
	max_streams = 0;
	return OK;
}

static int
crier_post_config(apr_pool_t *p, apr_pool_t *log, apr_pool_t *temporary,
    server_rec *s)
{
	(void)log;
	(void)temporary;
	/* httpd reads its configuration once to look whether it is good. */
	if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
		return OK;
	return limit_configure(p, s, max_streams);
}

static void
crier_child_init(apr_pool_t *child, server_rec *s)
{
	limit_child_init();
	relay_child_init(child, s);
}

static void
crier_child_stopping(apr_pool_t *child, int graceful)
{
	(void)child;
	child_stop(graceful);
	relay_stop();
}

static void
crier_suspend(conn_rec *c, request_rec *r)
{
	(void)r;
	relay_suspend(c);
}

static int
crier_handler(request_rec *r)
{
	if (r->handler == NULL || strcmp(r->handler, "crier") != 0)
		return DECLINED;
	return handler_run(r);
}

static void
crier_register_hooks(apr_pool_t *p)
{
	(void)p;
	ap_hook_pre_config(crier_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_post_config(crier_post_config, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_child_init(crier_child_init, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_child_stopping(crier_child_stopping, NULL, NULL,
	    APR_HOOK_MIDDLE);
	/* Once this was called the connection is no longer the worker's. */
	ap_hook_suspend_connection(crier_suspend, NULL, NULL,
	    APR_HOOK_REALLY_LAST);
	ap_hook_handler(crier_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

/* All else is hidden: httpd loads its modules into one space of names. */
module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
crier_module = { STANDARD20_MODULE_STUFF, crier_create_config,
	crier_merge_config, NULL, NULL, crier_commands, crier_register_hooks,
	AP_MODULE_FLAG_NONE };
