/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/route_run.h"
#include "lib/streams.h"
#include "lib/support.h"
#include "request/exchange.h"
#include "source/program_stream.h"

/* What a program gets of a request: env(1) tells all of it. */

#define CONFIG                                          \
	"route \"GET /e\" { run = \"/usr/bin/env\" }\n" \
	"route \"GET /x\" { run = \"/no/such/file\" }\n"

/* The variables of a request, the user of its token, what env prints. */
static const struct {
	const char *variables[10], *user, *printed;
} environments[] = {
	{ { "HTTPS=1", "HTTP_X=y z" }, NULL, "HTTPS=1|HTTP_X=y z|" },
	{ { "REMOTE_USER=ann" }, NULL, "REMOTE_USER=ann|" },
	{ { "REMOTE_USER=ann" }, "tom", "REMOTE_USER=ann|" },
	{ { "REMOTE_USER=", "HTTP_B=" }, "tom", "REMOTE_USER=tom|HTTP_B=|" },
	{ { "HTTP_B=2", "REMOTE_USER=" }, NULL, "HTTP_B=2|" },
	{ { "HTTP_B=2" }, "tom", "REMOTE_USER=tom|HTTP_B=2|" },
	{ { "PATH=/tmp", "LD_PRELOAD=x", "LD_=1", "HTTP_PROXY=x", "IFS=x",
	      "ENV=x", "BASH_ENV=x", "PERL5OPT=-Mx", "NOTIFY_SOCKET=/x" },
	    NULL, "" },
	{ { "SSL_CERT_FILE=/x", "SSL_CLIENT_S_DN=CN=x", "SSL_CIPHER=y",
	      "PATH_=1", "HTTP_=1", "HTTPSX=1", "LISTEN_FDS=3", "A=1" },
	    NULL, "SSL_CLIENT_S_DN=CN=x|SSL_CIPHER=y|" },
	{ { "BASH_FUNC_x%%=() { :; }", "=x", "x", "1A=1", "HTTP_A-B=1",
	      "HTTP_A B=1", "", "HTTP_\xc3\xa9=1" },
	    NULL, "" },
	{ { "QUERY_STRING=B=C", "HTTP_PROXYX=1", "REDIRECT_a1=2",
	      "PATH_INFO=/x", "HTTP_X=() { :; }; x" },
	    NULL,
	    "QUERY_STRING=B=C|HTTP_PROXYX=1|REDIRECT_a1=2|PATH_INFO=/x|"
	    "HTTP_X=() { :; }; x|" },
};

static char *
take_all(struct streams *t, struct programs *programs, int fd)
{
	struct buffer b = { 0 };
	ssize_t n = 1;
	char *to;

	while (programs_count(programs) > 0)
		event_base_loop(t->base, EVLOOP_ONCE);
	while (n > 0) {
		assert_non_null(to = buffer_reserve(&b, 4096));
		assert_true((n = read(fd, to, 4096)) >= 0);
		buffer_commit(&b, (size_t)n);
	}
	assert_int_equal(buffer_append(&b, "", 1), 0);
	return b.data;
}

/* The data of the records with an environment of their own, but PATH. */
static void
join_data(char *text, struct buffer *to)
{
	static const char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *line, *rest = NULL;
	bool has_path = false;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "data: ", 6) != 0 || line[6] == '{')
			continue;
		if (strcmp(line + 6, path) == 0) {
			assert_false(has_path);
			has_path = true;
			continue;
		}
		assert_int_equal(buffer_printf(to, "%s|", line + 6), 0);
	}
	assert_true(has_path);
}

static void
run_one(struct streams *t, struct programs *programs,
    const struct config *config, size_t i)
{
	struct request request = { .user = environments[i].user };
	struct opening opening = { .sub = { .framing = &t->framings[0] },
		.program = config->routes[0],
		.request = &request };
	struct opening_result result;
	struct buffer joined = { 0 };
	char *text;
	int pair[2];
	size_t k;

	for (k = 0; environments[i].variables[k] != NULL; k++)
		assert_int_equal(request_add(&request,
				     environments[i].variables[k]),
		    0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     pair),
	    0);
	opening.sub.fd = pair[0];
	program_stream_open(t->hub, programs, &opening, &result);
	assert_true(opening_is_done(&result));
	text = take_all(t, programs, pair[1]);
	join_data(text, &joined);
	assert_int_equal(buffer_append(&joined, "", 1), 0);
	assert_string_equal(joined.data, environments[i].printed);
	buffer_clear(&joined);
	free(text);
	close(pair[1]);
	request_clear(&request);
}

static void
test_environment(void **state)
{
	struct config *config = route_run_good(CONFIG);
	struct streams t;
	struct programs *programs;
	size_t i;

	(void)state;
	streams_setup(&t, NULL);
	assert_non_null(programs = programs_new(t.base));
	for (i = 0; i < sizeof environments / sizeof environments[0]; i++)
		run_one(&t, programs, config, i);
	programs_free(programs);
	streams_teardown(&t);
	config_free(config);
}

/* Clients are not told where programs are. */
static void
test_refusal(void **state)
{
	struct config *config = route_run_good(CONFIG);
	struct streams t;
	struct request request = { 0 };
	struct opening opening = { .sub = { .since = { "", 0 },
				       .head = { "", 0 },
				       .input = { "", 0 },
				       .user = { "", 0 },
				       .address = { "", 0 } },
		.program = config->routes[1],
		.request = &request };
	struct opening_result result;
	struct programs *programs;
	int fds[2];

	(void)state;
	if (support_is_valgrind()) {
		config_free(config);
		return;
	}
	streams_setup(&t, NULL);
	assert_non_null(programs = programs_new(t.base));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	opening.sub.fd = fds[0];
	opening.sub.framing = &t.framings[0];
	program_stream_open(t.hub, programs, &opening, &result);
	assert_int_equal(result.refusal.status, 503);
	assert_string_equal(result.refusal.text,
	    "the program cannot be started");
	assert_int_equal(programs_count(programs), 0);
	close(fds[0]);
	close(fds[1]);
	programs_free(programs);
	streams_teardown(&t);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests_name("program stream environment", tests,
	    NULL, NULL);
}
