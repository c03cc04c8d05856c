/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* crier doctor: URLs and channels; servers, what mends what; ends of polls. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "doctor/advice.h"
#include "doctor/polls.h"
#include "doctor/target.h"

enum {
	LAST_FAULT = FAULT_GAP,
	LAST_SERVER = SERVER_H2O
};

static void
test_target_urls(void **state)
{
	static const struct {
		const char *url, *name, *want;
	} cases[] = {
		{ "http://h/events", "a", "http://h/events?channel=a" },
		{ "http://h/events?x=1", "a", "http://h/events?x=1&channel=a" },
		{ "http://h/events#top", "a-b_c.d~e",
		    "http://h/events?channel=a-b_c.d~e" },
		{ "http://h/e", "a/b c%&",
		    "http://h/e?channel=a%2Fb%20c%25%26" },
		{ "http://h/e", "\xc3\xa9", "http://h/e?channel=%C3%A9" },
		{ "http://h/e/{channel}", "a", "http://h/e/a" },
		{ "http://h/{channel}?c={channel}&v=2#{channel}", "a",
		    "http://h/a?c=a&v=2" },
		{ "http://h/{channe}{channel", "a",
		    "http://h/{channe}{channel?channel=a" },
	};
	size_t i;
	char *url;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		url = target_url(cases[i].url, cases[i].name);
		assert_string_equal(url, cases[i].want);
		free(url);
	}
}

static void
test_target_wrong(void **state)
{
	static const char *const good[] = { "http://h", "HTTPS://h:1/x?y#z",
		"http://[::1]:80/", "http://u:p@h/" };
	static const char *const bad[] = { "", "h/events", "ftp://h/",
		"http://", "http:///x", "https://?x", "http://h/a b",
		"http://h/\n", "http://h/\x7f", "file:///etc/passwd" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(target_wrong(good[i]));
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(target_wrong(bad[i]));
}

static void
test_target_texts(void **state)
{
	static const struct {
		const char *url, *want;
	} shown[] = {
		{ "http://h/events", "http://h/events" },
		{ "https://user:secret@h/x@y", "https://h/x@y" },
		{ "http://a@b@h?p@q", "http://h?p@q" },
	};
	size_t i;
	char *text;

	(void)state;
	for (i = 0; i < sizeof shown / sizeof shown[0]; i++) {
		text = target_display(shown[i].url);
		assert_string_equal(text, shown[i].want);
		free(text);
	}
	text = target_channel("user/{channel}/{channel}", "x");
	assert_string_equal(text, "user/x/x");
	free(text);
}

static void
test_servers(void **state)
{
	static const struct {
		const char *header;
		enum server server;
	} cases[] = {
		{ "nginx/1.22.1", SERVER_NGINX },
		{ "Apache/2.4.71 (Debian)", SERVER_APACHE },
		{ "apache", SERVER_APACHE },
		{ "lighttpd/1.4.69", SERVER_LIGHTTPD },
		{ "Caddy", SERVER_CADDY },
		{ "h2o/2.2.5", SERVER_H2O },
		{ "HAProxy", SERVER_HAPROXY },
		{ "", SERVER_UNKNOWN },
		{ "Microsoft-IIS/10.0", SERVER_UNKNOWN },
		{ "my nginx", SERVER_UNKNOWN },
	};
	enum server server;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(advice_server(cases[i].header),
		    cases[i].server);
	assert_true(advice_server_named("Nginx", &server));
	assert_int_equal(server, SERVER_NGINX);
	assert_false(advice_server_named("iis", &server));
}

static void
test_attachments(void **state)
{
	static const struct {
		const char *door;
		uint64_t held;
		enum server server;
		enum attachment want;
	} cases[] = {
		{ "", 0, SERVER_NGINX, ATTACHED_UNKNOWN },
		{ "fastcgi", 70000, SERVER_APACHE, ATTACHED_FASTCGI },
		{ "fastcgi", 0, SERVER_UNKNOWN, ATTACHED_FASTCGI },
		{ "fastcgi-handoff", 0, SERVER_LIGHTTPD, ATTACHED_MANAGED },
		{ "fastcgi-handoff", 8000, SERVER_LIGHTTPD, ATTACHED_MANAGED },
		{ "fastcgi-handoff", 0, SERVER_APACHE, ATTACHED_MANAGED },
		{ "fastcgi-handoff", 8000, SERVER_APACHE, ATTACHED_FASTCGI },
		{ "fastcgi-handoff", 64000, SERVER_APACHE, ATTACHED_MANAGED },
		{ "cgi", 0, SERVER_APACHE, ATTACHED_CGI },
		{ "cgi", 64000, SERVER_APACHE, ATTACHED_CGI },
		{ "passed", 0, SERVER_APACHE, ATTACHED_FASTCGI },
		{ "queue", 0, SERVER_NGINX, ATTACHED_UNKNOWN },
		/* mod_proxy_fcgi keeps 4096 bytes, mod_fcgid 65536. */
		{ "", 0, SERVER_APACHE, ATTACHED_UNKNOWN },
		{ "", 4000, SERVER_APACHE, ATTACHED_FASTCGI },
		{ "", 8000, SERVER_APACHE, ATTACHED_FASTCGI },
		{ "", 64000, SERVER_APACHE, ATTACHED_MANAGED },
		{ "", UINT64_MAX, SERVER_APACHE, ATTACHED_UNKNOWN },
		{ "", 64000, SERVER_NGINX, ATTACHED_UNKNOWN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(advice_attachment(cases[i].door,
				     cases[i].server, cases[i].held),
		    cases[i].want);
}

static bool
test_has_advice(enum server server, enum attachment attachment,
    enum fault fault, const char *directive)
{
	const struct advice *a = NULL;

	while ((a = advice_next(a, server, attachment, fault)) != NULL)
		if (strstr(a->directive, directive) != NULL)
			return true;
	return false;
}

/* What mends what, in the words of the server's own manual. */
static const struct {
	enum server server;
	enum attachment attachment;
	enum fault fault;
	const char *directive;
} directive_cases[] = {
	{ SERVER_NGINX, ATTACHED_UNKNOWN, FAULT_HELD,
	    "fastcgi_buffering off;\n" },
	{ SERVER_NGINX, ATTACHED_FASTCGI, FAULT_HELD,
	    "proxy_buffering off;\n" },
	{ SERVER_NGINX, ATTACHED_FASTCGI, FAULT_CUT,
	    "fastcgi_read_timeout 1h;\n" },
	{ SERVER_NGINX, ATTACHED_FASTCGI, FAULT_CUT,
	    "proxy_read_timeout 1h;\n" },
	{ SERVER_NGINX, ATTACHED_FASTCGI, FAULT_COMPRESSED, "gzip off;\n" },
	{ SERVER_NGINX, ATTACHED_FASTCGI, FAULT_LEAVING_LATE,
	    "fastcgi_ignore_client_abort off;\n" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_HELD, " flushpackets=on " },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_CUT, " timeout=3600 " },
	{ SERVER_APACHE, ATTACHED_UNKNOWN, FAULT_COMPRESSED,
	    "SetEnv no-gzip 1\n" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_HELD,
	    "FcgidOutputBufferSize 0\n" },
	{ SERVER_APACHE, ATTACHED_UNKNOWN, FAULT_HELD,
	    "FcgidOutputBufferSize 0\n" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_CUT, "IOTimeout 3600\n" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_FULL, "MaxProcesses 1000\n" },
	{ SERVER_APACHE, ATTACHED_CGI, FAULT_CUT, "CGIDScriptTimeout 3600\n" },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_HELD,
	    "server.stream-response-body = 2\n" },
	{ SERVER_LIGHTTPD, ATTACHED_CGI, FAULT_HELD,
	    "server.stream-response-body = 2\n" },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_CUT,
	    "\"read-timeout\" => 3600\n" },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_LEAVING_LATE,
	    "\"tcp-fin-propagate\" => \"enable\"\n" },
	{ SERVER_LIGHTTPD, ATTACHED_MANAGED, FAULT_CUT,
	    "\"read-timeout\" => 3600\n" },
	{ SERVER_LIGHTTPD, ATTACHED_MANAGED, FAULT_LEAVING_LATE,
	    "\"tcp-fin-propagate\" => \"enable\"\n" },
	{ SERVER_LIGHTTPD, ATTACHED_CGI, FAULT_LEAVING_LATE,
	    "heartbeat = 15\n" },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_SOME_CRIERD,
	    "\"max-procs\" => 1\n" },
	{ SERVER_LIGHTTPD, ATTACHED_UNKNOWN, FAULT_SOME_CRIERD,
	    "\"CRIER_QUEUE\" => \"/run/crier/queue.sock\"\n" },
	{ SERVER_UNKNOWN, ATTACHED_UNKNOWN, FAULT_GATEWAY, "handoff-allow" },
	{ SERVER_LIGHTTPD, ATTACHED_UNKNOWN, FAULT_COMPRESSED,
	    "deflate.mimetypes" },
	{ SERVER_HAPROXY, ATTACHED_UNKNOWN, FAULT_CUT, "timeout server 1h\n" },
	{ SERVER_HAPROXY, ATTACHED_UNKNOWN, FAULT_SLOW,
	    "option http-no-delay\n" },
	{ SERVER_CADDY, ATTACHED_UNKNOWN, FAULT_CUT, "read_timeout 1h\n" },
	{ SERVER_H2O, ATTACHED_UNKNOWN, FAULT_CUT,
	    "fastcgi.timeout.io: 3600000\n" },
};

static void
test_directives(void **state)
{
	const size_t n = sizeof directive_cases / sizeof directive_cases[0];
	size_t i;

	(void)state;
	for (i = 0; i < n; i++)
		if (!test_has_advice(directive_cases[i].server,
			directive_cases[i].attachment, directive_cases[i].fault,
			directive_cases[i].directive))
			fail_msg("%s, %s: no %s",
			    advice_server_name(directive_cases[i].server),
			    advice_fault_name(directive_cases[i].fault),
			    directive_cases[i].directive);
}

/* What is another server's, or for another way of attachment, is left out. */
static void
test_advice_fits(void **state)
{
	(void)state;
	assert_false(test_has_advice(SERVER_NGINX, ATTACHED_UNKNOWN, FAULT_HELD,
	    "flushpackets"));
	assert_false(test_has_advice(SERVER_APACHE, ATTACHED_FASTCGI,
	    FAULT_HELD, "Fcgid"));
	assert_false(test_has_advice(SERVER_APACHE, ATTACHED_MANAGED,
	    FAULT_HELD, "flushpackets"));
	assert_false(test_has_advice(SERVER_APACHE, ATTACHED_MANAGED, FAULT_CUT,
	    "flushpackets"));
	/* The process is gone by then, so nothing that signals it helps. */
	assert_false(test_has_advice(SERVER_LIGHTTPD, ATTACHED_CGI,
	    FAULT_LEAVING_LATE, "tcp-fin-propagate"));
	assert_false(test_has_advice(SERVER_LIGHTTPD, ATTACHED_CGI, FAULT_CUT,
	    "\"read-timeout\""));
	/* Of an unknown server everything is told. */
	assert_true(test_has_advice(SERVER_UNKNOWN, ATTACHED_UNKNOWN,
	    FAULT_HELD, "fastcgi_buffering off;\n"));
	assert_true(test_has_advice(SERVER_UNKNOWN, ATTACHED_UNKNOWN,
	    FAULT_HELD, "server.stream-response-body = 2\n"));
}

/* No fault is left alone, whatever the server; each entry is complete. */
static bool
test_is_of_apache(int fault)
{
	return fault == FAULT_THREADS || fault == FAULT_MPM;
}

static void
test_advice_for_all(void **state)
{
	const struct advice *a;
	int fault, server;
	size_t len;

	(void)state;
	for (fault = FAULT_NONE + 1; fault <= LAST_FAULT; fault++) {
		assert_non_null(advice_fault_name((enum fault)fault));
		for (server = 0; server <= LAST_SERVER; server++) {
			a = advice_next(NULL, (enum server)server,
			    ATTACHED_UNKNOWN, (enum fault)fault);
			if (a == NULL && fault != FAULT_SLOW &&
			    !test_is_of_apache(fault))
				fail_msg("no advice: %s, %s",
				    advice_server_name((enum server)server),
				    advice_fault_name((enum fault)fault));
			for (; a != NULL;
			     a = advice_next(a, (enum server)server,
				 ATTACHED_UNKNOWN, (enum fault)fault)) {
				len = strlen(a->directive);
				assert_true(len > 1 && strlen(a->where) > 0);
				assert_int_equal(a->directive[len - 1], '\n');
			}
		}
	}
}

static void
test_poll_end(void **state)
{
	static const struct {
		const char *tail;
		uint64_t retry_ms; /* 0: no poll's end */
	} cases[] = {
		{ "retry: 3000\n\nid: 1-0\n\nid: 1-4\n\nretry: 2719\n\n",
		    2719 },
		{ "id: 1-4\nretry: 1\n", 1 }, /* terse */
		{ "id: own id\n\nretry: 2719\n\n", 2719 },
		{ "retry: 3000\n\nid: 1-0\n\n", 0 },
		{ "retry: 3000\n\n", 0 },
		{ "retry: 2719\n\nretry: 2719\n\n", 0 },
		{ "data: x\n\nretry: 2719\n\n", 0 },
		{ "id: 1-4\n\nretry: \n\n", 0 },
		{ "id: 1-4\n\nretry: 27x\n\n", 0 },
		{ "id: 1-4\n\nretry: 2719", 0 },
		{ "id: \n\nretry: 2719\n\n", 0 },
		{ "\n\n", 0 },
		{ "", 0 },
	};
	struct http_stream *s = calloc(1, sizeof *s);
	uint64_t retry_ms;
	size_t i;

	(void)state;
	assert_non_null(s);
	s->ended = true;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		s->tail_len = strlen(cases[i].tail);
		memcpy(s->tail, cases[i].tail, s->tail_len);
		retry_ms = 0;
		if (polls_is_end(s, &retry_ms) != (cases[i].retry_ms != 0) ||
		    (cases[i].retry_ms != 0 && retry_ms != cases[i].retry_ms))
			fail_msg("%s", cases[i].tail);
	}
	s->tail_len = strlen(cases[0].tail);
	memcpy(s->tail, cases[0].tail, s->tail_len);
	assert_true(polls_is_end(s, &retry_ms));
	strcpy(s->why, "transfer closed");
	assert_false(polls_is_end(s, &retry_ms));
	s->why[0] = '\0';
	strcpy(s->end, "timeout");
	assert_false(polls_is_end(s, &retry_ms));
	s->end[0] = '\0';
	s->ended = false;
	assert_false(polls_is_end(s, &retry_ms));
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target_urls),
		cmocka_unit_test(test_target_wrong),
		cmocka_unit_test(test_target_texts),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_attachments),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_advice_fits),
		cmocka_unit_test(test_advice_for_all),
		cmocka_unit_test(test_poll_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
