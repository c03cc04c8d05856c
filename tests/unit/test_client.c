/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* The companion's publishing and its connection. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/json.h"
#include "companion/client_feed.h"
#include "companion/verb.h"
#include "lib/run.h"
#include "protocol/client.h"

/* Much longer replies than requests, and no reading while it writes. */
static void
talk_long(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL, reply[10001];
	size_t size = 0;

	(void)requests;
	snprintf(reply, sizeof reply, "{\"ok\":true%*s\n", 9988, "}");
	while (getline(&line, &size, in) > 0)
		run_write_text(fd, reply);
	free(line);
	fclose(in);
}

/* Three replies, then the end, in the middle of the fourth. */
static void
talk_three(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;
	int i;

	(void)requests;
	for (i = 0; i < 3 && getline(&line, &size, in) > 0; i++)
		run_write_text(fd, "{\"ok\":true}\n");
	run_write_text(fd, "{\"ok\":tr");
	free(line);
	fclose(in);
}

static void
talk_nonsense(int fd, FILE *requests)
{
	char c;

	(void)requests;
	if (read(fd, &c, 1) == 1)
		run_write_text(fd, "retry: 3000\n");
	while (read(fd, &c, 1) == 1)
		;
}

struct pub_case {
	const char *args[RUN_ARGS];
	const char *input;
	int code;
	const char *requests;
	const char *said; /* begins what is on standard error, if any */
};

#define J(data)  "{\"channel\":\"c\",\"data\":" data "}\n"
#define JX(more) "{\"channel\":\"c\"," more ",\"data\":\"a\"}\n"

static const struct pub_case pub_cases[] = {
	{ { "c", "a" }, "no", 0, J("\"a\""), NULL },
	{ { "c", "" }, "no", 0, J("\"\""), NULL },
	{ { "c", "-a" }, "no", 0, J("\"-a\""), NULL },
	{ { "c", "-" }, "a\n", 0, J("\"a\""), NULL },
	{ { "c" }, "a\nb\n\n", 0, J("\"a\\nb\\n\""), NULL },
	{ { "c" }, "a\r\n", 0, J("\"a\""), NULL },
	{ { "c" }, "", 0, J("\"\""), NULL },
	{ { "c", "\xc3\xa9\"\\/\t\x7f" }, "", 0,
	    J("\"\xc3\xa9\\\"\\\\/\\t\x7f\""), NULL },
	{ { "-e", "e", "c", "a" }, "", 0, JX("\"event\":\"e\""), NULL },
	{ { "-i", "7", "c", "a" }, "", 0, JX("\"id\":\"7\""), NULL },
	{ { "-r", "0", "c", "a" }, "", 0, JX("\"retry\":0"), NULL },
	{ { "-r", "86400000", "c", "a" }, "", 0, JX("\"retry\":86400000"),
	    NULL },
	{ { "-r", "86400001", "c", "a" }, "", EX_USAGE, "", "crier: pub: -r" },
	{ { "-r", "-1", "c", "a" }, "", EX_USAGE, "", "crier: pub: -r" },
	{ { "-x", "60", "c", "a" }, "", 0, JX("\"expires\":60"), NULL },
	{ { "-x", "0.25", "c", "a" }, "", 0, JX("\"expires\":0.25"), NULL },
	{ { "-x", "0", "c", "a" }, "", EX_USAGE, "", "crier: pub: -x" },
	{ { "-J", "c", "a=b", "n=5", "t=true", "o={\"x\": [1]}" }, "", 0,
	    J("{\"a\":\"b\",\"n\":5,\"t\":true,\"o\":{\"x\": [1]}}"), NULL },
	{ { "-J", "c", "a=", "b==", "c=\"s\"", "d=\"", "e=null", "f=nul" }, "",
	    0,
	    J("{\"a\":\"\",\"b\":\"=\",\"c\":\"s\",\"d\":\"\\\"\","
	      "\"e\":null,\"f\":\"nul\"}"),
	    NULL },
	/* Numbers stay as they are written, or are text. */
	{ { "-J", "c", "a=1.50", "b=123456789012345678901234567890", "c=007",
	      "d=NaN", "e=-Infinity", "f=[NaN]", "g=1e5", "h=[\"NaN\"]" },
	    "", 0,
	    J("{\"a\":1.50,\"b\":123456789012345678901234567890,"
	      "\"c\":\"007\",\"d\":\"NaN\",\"e\":\"-Infinity\","
	      "\"f\":\"[NaN]\",\"g\":1e5,\"h\":[\"NaN\"]}"),
	    NULL },
	{ { "-J", "c", "a=[1,\n2]", "b=\"x\ny\"", "c=1 2", "d=/**/1", "e=nan",
	      "f=1.", "g=-", "h='x'" },
	    "", 0,
	    J("{\"a\":[1, 2],\"b\":\"\\\"x\\ny\\\"\",\"c\":\"1 2\","
	      "\"d\":\"/**/1\",\"e\":\"nan\",\"f\":\"1.\",\"g\":\"-\","
	      "\"h\":\"'x'\"}"),
	    NULL },
	{ { "-J", "c" }, "", EX_USAGE, "", "crier: pub: -J needs" },
	{ { "-J", "c", "a" }, "", EX_USAGE, "", "crier: pub: 'a' is not" },
	{ { "-J", "c", "=a" }, "", EX_USAGE, "", "crier: pub: '=a' is not" },
	{ { "-l", "c" }, "a\r\n\nb", 0, J("\"a\"") J("\"\"") J("\"b\""), NULL },
	{ { "-l", "-e", "e", "c" }, "a\n", 0, JX("\"event\":\"e\""), NULL },
	{ { "-l", "c" }, "", 0, "", NULL },
	{ { "-l", "-i", "x", "c" }, "", EX_USAGE, "", "crier: pub: -i is" },
	{ { "-l", "c", "x" }, "", EX_USAGE, "", "crier: pub: -l reads" },
	{ { "-n" }, "{1}\n\n \t\r\n{2}\r\n{3}", 0, "{1}\n{2}\n{3}\n", NULL },
	{ { "-n", "c" }, "", EX_USAGE, "", "crier: pub: -n takes no" },
	{ { "-n", "-l" }, "", EX_USAGE, "", "crier: pub: -l, -J, -c and -n" },
	{ { "-c", "true", "-l" }, "", EX_USAGE, "", "crier: pub: -l, -J, -c" },
	{ { "-c", "", "c" }, "", EX_USAGE, "", "crier: pub: -c takes" },
	{ { "-c", "echo", "c", "d" }, "", EX_USAGE, "", "crier: pub: too ma" },
	{ { "-c", "true", "-i", "x", "c" }, "", EX_USAGE, "",
	    "crier: pub: -i" },
	{ { "-c", "true" }, "", EX_USAGE, "", "crier: pub: which channel?" },
	{ { "-n", "-e", "x" }, "", EX_USAGE, "", "crier: pub: -n goes" },
	{ { NULL }, "", EX_USAGE, "", "crier: pub: which channel?" },
	{ { "-q", "c" }, "", EX_USAGE, "", "crier: pub: no such option: -q" },
	{ { "-e" }, "", EX_USAGE, "", "crier: pub: -e needs a value" },
	{ { "c", "a", "b" }, "", EX_USAGE, "", "crier: pub: too many" },
	{ { "c", "refuse65" }, "", 65, J("\"refuse65\""), "crier: no 65\n" },
	{ { "c", "refuse75" }, "", 75, J("\"refuse75\""), "crier: no 75\n" },
	{ { "c", "refuse77" }, "", 77, J("\"refuse77\""), "crier: no 77\n" },
	{ { "c", "refuse00" }, "", 65, J("\"refuse00\""), "crier: no 00\n" },
	/* The worst of several, and the lines' numbers in the input. */
	{ { "-n" }, "{1}\n\n{refuse75}\n{refuse65}\n{2}\n", 65,
	    "{1}\n{refuse75}\n{refuse65}\n{2}\n",
	    "crier: line 3: no 75\ncrier: line 4: no 65\n" },
	{ { "-n" }, "{refuse77}\n{refuse65}\n{refuse75}\n", 77,
	    "{refuse77}\n{refuse65}\n{refuse75}\n",
	    "crier: line 1: no 77\ncrier: line 2: no 65\n"
	    "crier: line 3: no 75\n" },
	{ { "-l", "c" }, "a\nrefuse75\nb\n", 75,
	    J("\"a\"") J("\"refuse75\"") J("\"b\""), "crier: line 2: no 75\n" },
};

static void
test_pub(void **state)
{
	const char *args[RUN_ARGS + 1] = { "pub" };
	const struct pub_case *t;
	struct run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pub_cases / sizeof pub_cases[0]; i++) {
		t = &pub_cases[i];
		memcpy(args + 1, t->args, (RUN_ARGS - 1) * sizeof args[0]);
		run_talk(&run, run_talk_lines, &verb_pub, args, t->input);
		if (run.code != t->code)
			fail_msg("case %zu: exit %d: %s", i, run.code,
			    run.errors);
		assert_string_equal(run.requests, t->requests);
		if (t->said == NULL)
			assert_string_equal(run.errors, "");
		else if (strncmp(run.errors, t->said, strlen(t->said)) != 0)
			fail_msg("case %zu: %s", i, run.errors);
		assert_string_equal(run.output, "");
		run_clear(&run);
	}
}

/* Replies that come in pieces, and what -v prints of them. */
static void
test_pieces(void **state)
{
	static const char *const args[] = { "pub", "-n", "-v", NULL };
	static const size_t pieces[] = { 1, 7, 40, SIZE_MAX };
	struct run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		run_piece = pieces[i];
		run_talk(&run, run_talk_lines, &verb_pub, args,
		    "{1}\n{refuse65}\n{2}\n{3}\n");
		run_piece = SIZE_MAX;
		assert_int_equal(run.code, 65);
		assert_string_equal(run.output, "1-0\n2-0\n3-0\n");
		assert_string_equal(run.errors, "crier: line 2: no 65\n");
		run_clear(&run);
	}
}

enum {
	TEXT_MAX = 1024 * 1024
};

/* Lines and texts of this many 'a' and what follows them. */
static const struct {
	const char *args[4];
	size_t len;
	const char *tail;
	int code;
	size_t request_len;
	const char *errors;
} long_cases[] = {
	{ { "pub", "-n" }, CLIENT_LINE_MAX, "\n{}", 0, CLIENT_LINE_MAX + 4,
	    "" },
	{ { "pub", "-n" }, CLIENT_LINE_MAX + 1, "\n{}", 65, 3,
	    "crier: line 1: longer than 8388608 bytes\n" },
	{ { "pub", "-l", "c" }, TEXT_MAX, "\nb\n", 0,
	    TEXT_MAX + 2 * sizeof J("") + 3, "" },
	{ { "pub", "-l", "c" }, TEXT_MAX + 1, "\nb\n", 65,
	    sizeof J("\"b\"") - 1,
	    "crier: line 1: longer than 1048576 bytes\n" },
	{ { "pub", "c" }, TEXT_MAX, "\n", 0, TEXT_MAX + sizeof J("\"\"") - 1,
	    "" },
	{ { "pub", "c" }, TEXT_MAX + 1, "\n", 65, 0,
	    "crier: data is longer than 1048576 bytes\n" },
};

static void
test_long(void **state)
{
	char *input;
	struct run run;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof long_cases / sizeof long_cases[0]; i++) {
		len = long_cases[i].len;
		input = malloc(len + 8);
		assert_non_null(input);
		memset(input, 'a', len);
		snprintf(input + len, 8, "%s", long_cases[i].tail);
		run_talk(&run, run_talk_lines, &verb_pub, long_cases[i].args,
		    input);
		free(input);
		assert_int_equal(run.code, long_cases[i].code);
		assert_string_equal(run.errors, long_cases[i].errors);
		assert_int_equal(strlen(run.requests),
		    long_cases[i].request_len);
		run_clear(&run);
	}
}

/*
 * Replies ten times as long as the lines, by a server that does not read while
 * it writes: whoever did the same would wait for ever.
 */
static void
test_no_deadlock(void **state)
{
	enum {
		LINES = 4000,
		LINE = 1000,
		BUFFER_MAX = 2097152
	};
	const run_talker talks[] = { talk_long, NULL };
	char *input = malloc((size_t)LINES * LINE);
	struct client client;
	struct client_feed feed = { .client = &client,
		.input = { .line_max = CLIENT_LINE_MAX } };
	pid_t server;
	size_t i;

	(void)state;
	assert_non_null(input);
	memset(input, 'x', (size_t)LINES * LINE);
	for (i = 1; i <= LINES; i++)
		input[i * LINE - 1] = '\n';
	run_save(run_input, input, (size_t)LINES * LINE);
	free(input);
	server = run_serve(talks, NULL);
	feed.input.fd = open(run_input, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(feed.input.fd, -1);
	assert_int_equal(client_open(&client, run_socket, 0), 0);
	assert_int_equal(client_feed_run(&feed), 0);
	assert_int_equal(feed.input.number, LINES);
	/* Forty megabytes went through; the buffers stayed small. */
	assert_true(client.out.cap < BUFFER_MAX);
	assert_true(client.in.cap < BUFFER_MAX);
	assert_true(feed.input.in.cap < BUFFER_MAX);
	close(feed.input.fd);
	client_feed_clear(&feed);
	client_close(&client);
	assert_int_equal(run_wait(server), 0);
}

static void
test_lost(void **state)
{
	static const char *const args[] = { "pub", "-n", NULL };
	static const char *const status[] = { "status", NULL };
	struct run run;

	(void)state;
	run_talk(&run, talk_three, &verb_pub, args, "{1}\n{2}\n{3}\n{4}\n");
	assert_int_equal(run.code, EX_TEMPFAIL);
	assert_string_equal(run.errors,
	    "crier: crierd closed the connection; events without a reply: "
	    "1\n");
	run_clear(&run);
	run_talk(&run, talk_three, &verb_pub, args, "{1}\n{2}\n{3}\n");
	assert_int_equal(run.code, 0);
	run_clear(&run);
	run_talk(&run, talk_nonsense, &verb_pub, args, "{1}\n");
	assert_int_equal(run.code, EX_TEMPFAIL);
	assert_string_equal(run.errors,
	    "crier: line 1: crierd's answer cannot be understood\n");
	run_clear(&run);
	run_piece = 3;
	run_talk(&run, talk_nonsense, &verb_status, status, "");
	run_piece = SIZE_MAX;
	assert_int_equal(run.code, EX_TEMPFAIL);
	run_clear(&run);
}

/* pub -l sends each line when it comes, not when there are more. */
static void
test_as_it_arrives(void **state)
{
	const run_talker talks[] = { run_talk_lines, NULL };
	static const char *const args[] = { "pub", "-l", "-v", "c", NULL };
	FILE *requests = run_open_requests();
	int in[2], out;
	pid_t server, verb;

	(void)state;
	server = run_serve(talks, requests);
	fclose(requests);
	out = open(run_output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	verb = run_begin(&verb_pub, in[0], out, args, 0);
	close(in[0]);
	close(out);
	run_write_text(in[1], "one\ntw");
	run_await(run_requests, J("\"one\""));
	run_await(run_output, "1-0\n");
	run_write_text(in[1], "o\n");
	run_await(run_requests, J("\"one\"") J("\"two\""));
	run_await(run_output, "1-0\n2-0\n");
	close(in[1]);
	assert_int_equal(run_wait(verb), 0);
	assert_int_equal(run_wait(server), 0);
}

static void
test_open(void **state)
{
	static const char *const args[] = { "pub", "c", "a", NULL };
	const run_talker talks[] = { run_talk_lines, NULL };
	char saved[sizeof run_socket], *said;
	FILE *requests;
	pid_t server, verb;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	close(run_listener);
	assert_int_equal(run_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	said = run_read(run_errors);
	assert_non_null(strstr(said, run_socket));
	free(said);
	assert_int_equal(unlink(run_socket), 0);
	assert_int_equal(run_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	assert_int_equal(run_verb(&verb_pub, args, 60), EX_UNAVAILABLE);

	/* -w: crierd comes while it waits. */
	verb = run_begin(&verb_pub, null, null, args, RUN_WAIT_MS);
	run_listen();
	requests = run_open_requests();
	server = run_serve(talks, requests);
	fclose(requests);
	assert_int_equal(run_wait(verb), 0);
	kill(server, SIGKILL);
	run_wait(server);

	memcpy(saved, run_socket, sizeof saved);
	memset(run_socket, 'x', sizeof run_socket - 1);
	assert_int_equal(run_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	memcpy(run_socket, saved, sizeof saved);
	close(null);
}

static void
test_not_allowed(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(chmod(run_socket, 0), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct client client;
		int null = open("/dev/null", O_WRONLY);

		/* Root may everything, so be somebody else. */
		if (dup2(null, 2) == -1 ||
		    (geteuid() == 0 && setuid(65534) == -1))
			_exit(1);
		_exit(client_open(&client, run_socket, 0));
	}
	assert_int_equal(run_wait(pid), EX_NOPERM);
	assert_int_equal(chmod(run_socket, 0600), 0);
}

/* One question to a server that goes away, or says nothing for 50 ms. */
static void
test_no_reply(void **state)
{
	static const struct {
		const char *data;
		int error;
	} cases[] = { { "drop", ECONNRESET }, { "mute", ETIMEDOUT } };
	const run_talker talks[] = { run_talk_lines, NULL };
	struct json_object *o;
	struct buffer line = { 0 };
	struct client client;
	const char *reply;
	FILE *requests;
	size_t i, len;
	pid_t server;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		requests = run_open_requests();
		server = run_serve(talks, requests);
		fclose(requests);
		assert_int_equal(client_open(&client, run_socket, 0), 0);
		client.silence_ms = 50;
		o = json_object_new_object();
		json_add_string(o, "data", cases[i].data);
		assert_int_equal(client_call(&client, o, &reply, &len),
		    EX_TEMPFAIL);
		client_close(&client);
		run_wait(server);
		requests = run_open_requests();
		server = run_serve(talks, requests);
		fclose(requests);
		assert_int_equal(client_open(&client, run_socket, 0), 0);
		client.silence_ms = 50;
		buffer_printf(&line, "{\"data\":\"%s\"}\n", cases[i].data);
		assert_int_equal(client_ask(&client, &line, -1, &reply, &len),
		    -1);
		assert_int_equal(errno, cases[i].error);
		buffer_clear(&line);
		client_close(&client);
		run_wait(server);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pub),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_no_deadlock),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_as_it_arrives),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_no_reply),
		cmocka_unit_test(test_open),
	};

	alarm(120); /* whatever hangs is a failure */
	return cmocka_run_group_tests_name("client", tests, run_setup,
	    run_teardown);
}
