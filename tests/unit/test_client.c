/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The companion's verbs, each in a process of its own, against a server of
 * this test that answers as oddly as it is told to.
 */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "queue/client.h"
#include "queue/client_feed.h"
#include "queue/status_table.h"
#include "queue/verb.h"

enum {
	TEST_ARGS = 12,
	TEST_WAIT_MS = 30000
};

static char test_dir[] = "/tmp/crier-client-XXXXXX";
static char test_socket[64], test_requests[64], test_input[64];
static char test_output[64], test_errors[64];
static int test_listener = -1;
static size_t test_piece = SIZE_MAX; /* the server's writes are cut so */

static void
test_write(int fd, const char *text, size_t len)
{
	size_t n;
	ssize_t done;

	while (len > 0) {
		n = len < test_piece ? len : test_piece;
		done = write(fd, text, n);
		if (done <= 0)
			_exit(0); /* the client has left */
		text += done;
		len -= (size_t)done;
	}
}

static void
test_write_text(int fd, const char *text)
{
	test_write(fd, text, strlen(text));
}

static void
test_save(const char *path, const char *text, size_t len)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_int_equal(fwrite(text, 1, len, fp), len);
	assert_int_equal(fclose(fp), 0);
}

/* The file's text, the caller's to free. */
static char *
test_read(const char *path)
{
	FILE *fp = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(fp);
	if (getdelim(&text, &size, '\0', fp) == -1) {
		free(text);
		text = strdup("");
	}
	fclose(fp);
	assert_non_null(text);
	return text;
}

static void
test_listen(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", test_socket);
	unlink(test_socket);
	test_listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_not_equal(test_listener, -1);
	assert_int_equal(bind(test_listener, (struct sockaddr *)&sun,
			     sizeof sun),
	    0);
	assert_int_equal(listen(test_listener, 8), 0);
}

/* Answers connections one after another, each in its own way. */
static pid_t
test_serve(void (*const talks[])(int, FILE *), FILE *requests)
{
	pid_t pid = fork();
	size_t i;
	int fd;

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; talks[i] != NULL; i++) {
		if ((fd = accept(test_listener, NULL, NULL)) == -1)
			_exit(1);
		talks[i](fd, requests);
		close(fd);
	}
	_exit(0);
}

static int
test_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs a verb in a child; args end with NULL, the first is the verb's name. */
static pid_t
test_start(const struct verb *verb, int input, int output,
    const char *const *args, uint64_t wait_ms)
{
	struct verb_env env = { test_socket, wait_ms };
	char *argv[TEST_ARGS + 1] = { NULL };
	int errors, argc = 0;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	errors = open(test_errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (dup2(input, 0) == -1 || dup2(output, 1) == -1 ||
	    dup2(errors, 2) == -1)
		_exit(1);
	for (; args[argc] != NULL && argc < TEST_ARGS; argc++)
		argv[argc] = strdup(args[argc]);
	signal(SIGPIPE, SIG_IGN);
	argc = verb->run(&env, argc, argv);
	for (errors = 0; argv[errors] != NULL; errors++)
		free(argv[errors]);
	exit(argc);
}

/* The same with input and output files; its exit code. */
static int
test_verb(const struct verb *verb, const char *const *args, uint64_t wait_ms)
{
	int in = open(test_input, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	int out =
	    open(test_output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid;

	assert_true(in != -1 && out != -1);
	pid = test_start(verb, in, out, args, wait_ms);
	close(in);
	close(out);
	return test_wait(pid);
}

/* Notes each line; answers "refuse65" with that code and all else with ok. */
static void
talk_lines(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL, reply[128];
	const char *refuse;
	size_t size = 0;
	unsigned n = 0;
	ssize_t len;

	while ((len = getline(&line, &size, in)) > 0) {
		fwrite(line, 1, (size_t)len, requests);
		fflush(requests);
		if ((refuse = strstr(line, "refuse")) == NULL)
			snprintf(reply, sizeof reply,
			    "{\"ok\":true,\"id\":\"%u-0\",\"streams\":0}\n",
			    ++n);
		else
			snprintf(reply, sizeof reply,
			    "{\"ok\":false,\"error\":\"no %.2s\","
			    "\"code\":%.2s}\n",
			    refuse + 6, refuse + 6);
		test_write_text(fd, reply);
	}
	free(line);
	fclose(in);
}

/* Much longer replies than requests, and no reading while it writes. */
static void
talk_long(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL, reply[10001];
	size_t size = 0;

	(void)requests;
	memset(reply, ' ', sizeof reply);
	memcpy(reply, "{\"ok\":true}", 11);
	reply[10000] = '\n';
	while (getline(&line, &size, in) > 0)
		test_write(fd, reply, sizeof reply);
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
		test_write_text(fd, "{\"ok\":true}\n");
	test_write_text(fd, "{\"ok\":tr");
	free(line);
	fclose(in);
}

static void
talk_nonsense(int fd, FILE *requests)
{
	char c;

	(void)requests;
	if (read(fd, &c, 1) == 1)
		test_write_text(fd, "retry: 3000\n");
	while (read(fd, &c, 1) == 1)
		;
}

static FILE *
test_open_requests(void)
{
	FILE *fp = fopen(test_requests, "w");

	assert_non_null(fp);
	return fp;
}

/* One connection, one verb, what was asked and said. */
struct test_run {
	int code;
	char *requests, *output, *errors;
};

static void
test_talk(struct test_run *run, void (*talk)(int, FILE *),
    const struct verb *verb, const char *const *args, const char *input)
{
	void (*const talks[])(int, FILE *) = { talk, NULL };
	FILE *requests = test_open_requests();
	pid_t server;

	test_save(test_input, input, strlen(input));
	server = test_serve(talks, requests);
	fclose(requests);
	run->code = test_verb(verb, args, 0);
	kill(server, SIGKILL);
	test_wait(server);
	run->requests = test_read(test_requests);
	run->output = test_read(test_output);
	run->errors = test_read(test_errors);
}

static void
test_run_clear(struct test_run *run)
{
	free(run->requests);
	free(run->output);
	free(run->errors);
}

struct pub_case {
	const char *args[TEST_ARGS];
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
	{ { "-n" }, "{1}\n\n \t\r\n{2}\r\n{3}", 0, "{1}\n{2}\r\n{3}\n", NULL },
	{ { "-n", "c" }, "", EX_USAGE, "", "crier: pub: -n takes no" },
	{ { "-n", "-l" }, "", EX_USAGE, "", "crier: pub: -l, -J and -n" },
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
	const char *args[TEST_ARGS + 1] = { "pub" };
	const struct pub_case *t;
	struct test_run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pub_cases / sizeof pub_cases[0]; i++) {
		t = &pub_cases[i];
		memcpy(args + 1, t->args, (TEST_ARGS - 1) * sizeof args[0]);
		test_talk(&run, talk_lines, &verb_pub, args, t->input);
		if (run.code != t->code)
			fail_msg("case %zu: exit %d: %s", i, run.code,
			    run.errors);
		assert_string_equal(run.requests, t->requests);
		if (t->said == NULL)
			assert_string_equal(run.errors, "");
		else if (strncmp(run.errors, t->said, strlen(t->said)) != 0)
			fail_msg("case %zu: %s", i, run.errors);
		assert_string_equal(run.output, "");
		test_run_clear(&run);
	}
}

/* Replies that come in pieces, and what -v prints of them. */
static void
test_pieces(void **state)
{
	static const char *const args[] = { "pub", "-n", "-v", NULL };
	static const size_t pieces[] = { 1, 7, 40, SIZE_MAX };
	struct test_run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		test_piece = pieces[i];
		test_talk(&run, talk_lines, &verb_pub, args,
		    "{1}\n{refuse65}\n{2}\n{3}\n");
		test_piece = SIZE_MAX;
		assert_int_equal(run.code, 65);
		assert_string_equal(run.output, "1-0\n2-0\n3-0\n");
		assert_string_equal(run.errors, "crier: line 2: no 65\n");
		test_run_clear(&run);
	}
}

/* The limits of a line and of a text: at and above. */
static void
test_long(void **state)
{
	static const char *const bulk[] = { "pub", "-n", NULL };
	static const char *const lines[] = { "pub", "-l", "c", NULL };
	static const char *const one[] = { "pub", "c", NULL };
	const size_t data_max = 1024 * 1024;
	char *input = malloc(CLIENT_LINE_MAX + 16);
	struct test_run run;

	(void)state;
	assert_non_null(input);
	memset(input, 'a', CLIENT_LINE_MAX + 16);
	strcpy(input + CLIENT_LINE_MAX, "\n{}");
	test_talk(&run, talk_lines, &verb_pub, bulk, input);
	assert_int_equal(run.code, 0);
	assert_int_equal(strlen(run.requests), CLIENT_LINE_MAX + 4);
	test_run_clear(&run);
	strcpy(input + CLIENT_LINE_MAX, "a\n{}");
	test_talk(&run, talk_lines, &verb_pub, bulk, input);
	assert_int_equal(run.code, 65);
	assert_string_equal(run.requests, "{}\n");
	assert_string_equal(run.errors,
	    "crier: line 1: longer than 8388608 bytes\n");
	test_run_clear(&run);

	strcpy(input + data_max, "\nb\n");
	test_talk(&run, talk_lines, &verb_pub, lines, input);
	assert_int_equal(run.code, 0);
	test_run_clear(&run);
	strcpy(input + data_max, "a\nb\n");
	test_talk(&run, talk_lines, &verb_pub, lines, input);
	assert_int_equal(run.code, 65);
	assert_string_equal(run.requests, J("\"b\""));
	assert_string_equal(run.errors,
	    "crier: line 1: longer than 1048576 bytes\n");
	test_run_clear(&run);

	strcpy(input + data_max, "\n");
	test_talk(&run, talk_lines, &verb_pub, one, input);
	assert_int_equal(run.code, 0);
	assert_int_equal(strlen(run.requests), data_max + strlen(J("\"\"")));
	test_run_clear(&run);
	strcpy(input + data_max, "a\n");
	test_talk(&run, talk_lines, &verb_pub, one, input);
	assert_int_equal(run.code, 65);
	assert_string_equal(run.requests, "");
	assert_string_equal(run.errors,
	    "crier: data is longer than 1048576 bytes\n");
	test_run_clear(&run);
	free(input);
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
		LINE = 1000
	};
	void (*const talks[])(int, FILE *) = { talk_long, NULL };
	char *input = malloc((size_t)LINES * LINE);
	struct client client;
	struct client_feed feed = { .client = &client,
		.line_max = CLIENT_LINE_MAX };
	pid_t server;
	size_t i;

	(void)state;
	assert_non_null(input);
	memset(input, 'x', (size_t)LINES * LINE);
	for (i = 1; i <= LINES; i++)
		input[i * LINE - 1] = '\n';
	test_save(test_input, input, (size_t)LINES * LINE);
	free(input);
	server = test_serve(talks, NULL);
	feed.input = open(test_input, O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(feed.input, -1);
	assert_int_equal(client_open(&client, test_socket, 0), 0);
	assert_int_equal(client_feed_run(&feed), 0);
	assert_int_equal(feed.number, LINES);
	/* Forty megabytes went through; the buffers stayed small. */
	assert_true(client.out.cap < 2 * 1024 * 1024);
	assert_true(client.in.cap < 2 * 1024 * 1024);
	assert_true(feed.in.cap < 2 * 1024 * 1024);
	close(feed.input);
	client_feed_clear(&feed);
	client_close(&client);
	assert_int_equal(test_wait(server), 0);
}

static void
test_lost(void **state)
{
	static const char *const args[] = { "pub", "-n", NULL };
	static const char *const status[] = { "status", NULL };
	struct test_run run;

	(void)state;
	test_talk(&run, talk_three, &verb_pub, args, "{1}\n{2}\n{3}\n{4}\n");
	assert_int_equal(run.code, EX_TEMPFAIL);
	assert_string_equal(run.errors,
	    "crier: crierd closed the connection; events without a reply: "
	    "1\n");
	test_run_clear(&run);
	test_talk(&run, talk_three, &verb_pub, args, "{1}\n{2}\n{3}\n");
	assert_int_equal(run.code, 0);
	test_run_clear(&run);
	test_talk(&run, talk_nonsense, &verb_pub, args, "{1}\n");
	assert_int_equal(run.code, EX_TEMPFAIL);
	assert_string_equal(run.errors,
	    "crier: line 1: crierd's answer cannot be understood\n");
	test_run_clear(&run);
	test_piece = 3;
	test_talk(&run, talk_nonsense, &verb_status, status, "");
	test_piece = SIZE_MAX;
	assert_int_equal(run.code, EX_TEMPFAIL);
	test_run_clear(&run);
}

/* Waits until a file has the text; so nothing is slept for luck. */
static void
test_await(const char *path, const char *want)
{
	char *have = NULL;
	int waited;

	for (waited = 0; waited < TEST_WAIT_MS; waited += 5) {
		free(have);
		have = test_read(path);
		if (strcmp(have, want) == 0)
			break;
		poll(NULL, 0, 5);
	}
	assert_string_equal(have, want);
	free(have);
}

/* pub -l sends each line when it comes, not when there are more. */
static void
test_as_it_arrives(void **state)
{
	void (*const talks[])(int, FILE *) = { talk_lines, NULL };
	static const char *const args[] = { "pub", "-l", "-v", "c", NULL };
	FILE *requests = test_open_requests();
	int in[2], out;
	pid_t server, verb;

	(void)state;
	server = test_serve(talks, requests);
	fclose(requests);
	out = open(test_output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	verb = test_start(&verb_pub, in[0], out, args, 0);
	close(in[0]);
	close(out);
	test_write_text(in[1], "one\ntw");
	test_await(test_requests, J("\"one\""));
	test_await(test_output, "1-0\n");
	test_write_text(in[1], "o\n");
	test_await(test_requests, J("\"one\"") J("\"two\""));
	test_await(test_output, "1-0\n2-0\n");
	close(in[1]);
	assert_int_equal(test_wait(verb), 0);
	assert_int_equal(test_wait(server), 0);
}

static void
test_open(void **state)
{
	static const char *const args[] = { "pub", "c", "a", NULL };
	void (*const talks[])(int, FILE *) = { talk_lines, NULL };
	char saved[sizeof test_socket], *said;
	FILE *requests;
	pid_t server, verb;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	close(test_listener);
	assert_int_equal(test_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	said = test_read(test_errors);
	assert_non_null(strstr(said, test_socket));
	free(said);
	assert_int_equal(unlink(test_socket), 0);
	assert_int_equal(test_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	assert_int_equal(test_verb(&verb_pub, args, 60), EX_UNAVAILABLE);

	/* -w: crierd comes while it waits. */
	verb = test_start(&verb_pub, null, null, args, TEST_WAIT_MS);
	test_listen();
	requests = test_open_requests();
	server = test_serve(talks, requests);
	fclose(requests);
	assert_int_equal(test_wait(verb), 0);
	kill(server, SIGKILL);
	test_wait(server);

	memcpy(saved, test_socket, sizeof saved);
	memset(test_socket, 'x', sizeof test_socket - 1);
	assert_int_equal(test_verb(&verb_pub, args, 0), EX_UNAVAILABLE);
	memcpy(test_socket, saved, sizeof saved);
	close(null);
}

static void
test_not_allowed(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(chmod(test_socket, 0), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct client client;
		int null = open("/dev/null", O_WRONLY);

		/* Root may everything, so be somebody else. */
		if (dup2(null, 2) == -1 ||
		    (geteuid() == 0 && setuid(65534) == -1))
			_exit(1);
		_exit(client_open(&client, test_socket, 0));
	}
	assert_int_equal(test_wait(pid), EX_NOPERM);
	assert_int_equal(chmod(test_socket, 0600), 0);
}

static void
test_reply_code(void **state)
{
	static const struct {
		const char *reply;
		int code;
		const char *why;
	} table[] = {
		{ "{\"ok\":true}", 0, "" },
		{ "{\"ok\":true,\"id\":\"1-0\",\"streams\":12}", 0, "" },
		{ "{ \"ok\" : true }", 0,
		    "crierd's answer cannot be "
		    "understood" },
		{ "{\"ok\":false,\"error\":\"x\",\"code\":65}", 65, "x" },
		{ "{\"code\":77,\"error\":\"a\\u001b\\n\",\"ok\":false}", 77,
		    "a\\x1b\\x0a" },
		{ "{\"ok\":false,\"code\":0}", 65,
		    "crierd refused without a reason" },
		{ "{\"ok\":false,\"code\":126}", 65,
		    "crierd refused without a reason" },
		{ "{\"ok\":false,\"error\":5}", 65,
		    "crierd refused without a reason" },
		{ "{}", 75, "crierd's answer cannot be understood" },
		{ "[]", 75, "crierd's answer cannot be understood" },
		{ "", 75, "crierd's answer cannot be understood" },
		{ "{\"ok\":tru", 75, "crierd's answer cannot be understood" },
	};
	char why[64], *reply;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		len = strlen(table[i].reply);
		reply = malloc(len + (len == 0));
		assert_non_null(reply);
		memcpy(reply, table[i].reply, len);
		why[0] = '\0';
		assert_int_equal(client_reply_code(reply, len, why, sizeof why),
		    table[i].code);
		assert_string_equal(why, table[i].why);
		free(reply);
	}
}

/* What tail prints of a stream, and the request that it sends. */

static const char *test_stream;

static void
talk_stream(int fd, FILE *requests)
{
	FILE *in = fdopen(dup(fd), "r");
	char *line = NULL;
	size_t size = 0;

	if (getline(&line, &size, in) > 0)
		fputs(line, requests);
	fflush(requests);
	test_write_text(fd, test_stream);
	free(line);
	fclose(in);
}

#define TAIL_BEGIN "retry: 3000\n\nid: 5-0\n\n"
#define TAIL_END(reason) \
	"event: crier.end\ndata: {\"reason\":\"" reason "\"}\n\n"

static const struct {
	const char *args[6];
	const char *stream, *request, *output, *errors;
	int code;
} tail_cases[] = {
	{ { "a" },
	    TAIL_BEGIN ":\n:\nid: 6-0\ndata: x\n\nid: 7-0\nevent: e\n"
		       "data: y\ndata: \"z\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n",
	    "{\"id\":\"6-0\",\"data\":\"x\"}\n"
	    "{\"id\":\"7-0\",\"event\":\"e\",\"data\":\"y\\n\\\"z\"}\n",
	    "", 0 },
	{ { "-d", "-n", "3", "a", "b" },
	    TAIL_BEGIN "id: 6-0\ndata: x\n\nevent: crier.gap\ndata: {}\n\n"
		       "data: y\ndata: z\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\",\"b\"],\"last\":3}\n",
	    "x\ny\nz\n", "crier: events may be missing here\n", 0 },
	{ { "--since", "all", "a" },
	    TAIL_BEGIN "event: crier.gap\ndata: {}\n\n" TAIL_END("closed"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"all\"}\n",
	    "{\"event\":\"crier.gap\",\"data\":\"{}\"}\n", "", 0 },
	{ { "a" }, TAIL_BEGIN TAIL_END("shutdown"),
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, TAIL_BEGIN "id: 6-0\ndata: cut",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, "", "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
	{ { "a" }, "{\"ok\":false,\"error\":\"bad\",\"code\":65}\n",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "", "crier: bad\n",
	    65 },
	{ { "a" }, "{\"ok\":false,\"error\":\"full\",\"code\":75}\n",
	    "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "", "crier: full\n",
	    75 },
	{ { "a" }, "{\"ok\":", "{\"do\":\"stream\",\"channel\":[\"a\"]}\n", "",
	    "crier: crierd went away\n", EX_TEMPFAIL },
};

static void
test_tail(void **state)
{
	const char *args[TEST_ARGS + 1] = { "tail" };
	struct test_run run;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof tail_cases / sizeof tail_cases[0]; i++) {
		memcpy(args + 1, tail_cases[i / 2].args,
		    sizeof tail_cases[0].args);
		test_stream = tail_cases[i / 2].stream;
		test_piece = i % 2 == 0 ? SIZE_MAX : 1;
		test_talk(&run, talk_stream, &verb_tail, args, "");
		test_piece = SIZE_MAX;
		assert_string_equal(run.output, tail_cases[i / 2].output);
		assert_string_equal(run.errors, tail_cases[i / 2].errors);
		assert_string_equal(run.requests, tail_cases[i / 2].request);
		assert_int_equal(run.code, tail_cases[i / 2].code);
		test_run_clear(&run);
	}
}

static void
talk_first(int fd, FILE *requests)
{
	test_stream = TAIL_BEGIN "id: 6-0\ndata: x\n\nid: 7-0\ndata: cut\n";
	talk_stream(fd, requests);
}

static void
talk_full(int fd, FILE *requests)
{
	test_stream = "{\"ok\":false,\"error\":\"full\",\"code\":75}\n";
	talk_stream(fd, requests);
}

static void
talk_turn(int fd, FILE *requests)
{
	test_stream = TAIL_BEGIN "id: 7-0\ndata: cut\n\n" TAIL_END("timeout");
	talk_stream(fd, requests);
}

static void
talk_closed(int fd, FILE *requests)
{
	test_stream = "id: 8-0\n\n" TAIL_END("closed");
	talk_stream(fd, requests);
}

/* With -w it comes back after the last event that it has printed. */
static void
test_tail_resumes(void **state)
{
	void (*const talks[])(int, FILE *) = { talk_first, talk_full, talk_turn,
		talk_closed, NULL };
	static const char *const args[] = { "tail", "-n", "1", "a", NULL };
	FILE *requests = test_open_requests();
	pid_t server = test_serve(talks, requests);
	char *text;

	(void)state;
	fclose(requests);
	assert_int_equal(test_verb(&verb_tail, args, TEST_WAIT_MS), 0);
	assert_int_equal(test_wait(server), 0);
	text = test_read(test_output);
	assert_string_equal(text,
	    "{\"id\":\"6-0\",\"data\":\"x\"}\n"
	    "{\"id\":\"7-0\",\"data\":\"cut\"}\n");
	free(text);
	text = test_read(test_requests);
	assert_string_equal(text,
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"last\":1}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"6-0\"}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"6-0\"}\n"
	    "{\"do\":\"stream\",\"channel\":[\"a\"],\"since\":\"7-0\"}\n");
	free(text);
	text = test_read(test_errors);
	assert_string_equal(text, "");
	free(text);
}

static void
talk_open_stream(int fd, FILE *requests)
{
	char c;

	(void)requests;
	test_write_text(fd, TAIL_BEGIN "data: x\n\n");
	while (read(fd, &c, 1) == 1)
		;
}

/* An interrupt and a reader that leaves both end it well. */
static void
test_tail_ends(void **state)
{
	void (*const talks[])(int, FILE *) = { talk_open_stream,
		talk_open_stream, NULL };
	static const char *const args[] = { "tail", "-d", "a", NULL };
	static const int signals[] = { SIGINT, 0 };
	pid_t server = test_serve(talks, NULL), verb;
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[2];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		verb = test_start(&verb_tail, null, out[1], args, 0);
		close(out[1]);
		assert_int_equal(read(out[0], text, 2), 2);
		assert_memory_equal(text, "x\n", 2);
		if (signals[i] != 0)
			assert_int_equal(kill(verb, signals[i]), 0);
		else
			close(out[0]);
		assert_int_equal(test_wait(verb), 0);
		if (signals[i] != 0)
			close(out[0]);
	}
	close(null);
	assert_int_equal(test_wait(server), 0);
}

static void
talk_status(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n";
	talk_stream(fd, requests);
}

static void
talk_closed_three(int fd, FILE *requests)
{
	test_stream = "{\"ok\":true,\"closed\":3}\n";
	talk_stream(fd, requests);
}

static const struct {
	const struct verb *verb;
	void (*talk)(int, FILE *);
	const char *args[6];
	int code;
	const char *request, *output;
} call_cases[] = {
	{ &verb_status, talk_status, { "status" }, 0, "{\"do\":\"status\"}\n",
	    "pid  7\n\na\n  size  1.5 KiB\n" },
	{ &verb_status, talk_status, { "status", "-j" }, 0,
	    "{\"do\":\"status\"}\n",
	    "{\"ok\":true,\"pid\":7,\"a\":{\"size_bytes\":1536}}\n" },
	{ &verb_status, talk_full, { "status" }, 75, "{\"do\":\"status\"}\n",
	    "" },
	{ &verb_status, talk_status, { "status", "x" }, EX_USAGE, "", "" },
	{ &verb_close, talk_closed_three, { "close", "a" }, 0,
	    "{\"do\":\"close\",\"channel\":\"a\"}\n", "" },
	{ &verb_close, talk_closed_three, { "close", "-v", "--stop", "a" }, 0,
	    "{\"do\":\"close\",\"channel\":\"a\",\"stop\":true}\n",
	    "closed 3\n" },
	{ &verb_close, talk_closed_three, { "close", "--user", "u" }, 0,
	    "{\"do\":\"close\",\"user\":\"u\"}\n", "" },
	{ &verb_close, talk_closed_three,
	    { "close", "--user=u", "--stop", "-v" }, 0,
	    "{\"do\":\"close\",\"user\":\"u\",\"stop\":true}\n", "closed 3\n" },
	{ &verb_close, talk_closed_three, { "close", "--stream", "5" }, 0,
	    "{\"do\":\"close\",\"stream\":\"5\"}\n", "" },
	{ &verb_close, talk_full, { "close", "a" }, 75,
	    "{\"do\":\"close\",\"channel\":\"a\"}\n", "" },
	{ &verb_close, talk_status, { "close" }, EX_USAGE, "", "" },
	{ &verb_close, talk_status, { "close", "a", "b" }, EX_USAGE, "", "" },
	{ &verb_close, talk_status, { "close", "--user", "u", "a" }, EX_USAGE,
	    "", "" },
	{ &verb_close, talk_status, { "close", "--stop", "--stream", "5" },
	    EX_USAGE, "", "" },
};

static void
test_calls(void **state)
{
	struct test_run run;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof call_cases / sizeof call_cases[0]; i++) {
		test_talk(&run, call_cases[i].talk, call_cases[i].verb,
		    call_cases[i].args, "");
		assert_int_equal(run.code, call_cases[i].code);
		assert_string_equal(run.requests, call_cases[i].request);
		assert_string_equal(run.output, call_cases[i].output);
		test_run_clear(&run);
	}
}

/* -h is help on standard output, and says how to use the verb. */
static void
test_help(void **state)
{
	static const struct verb *const verbs[] = { &verb_pub, &verb_tail,
		&verb_status, &verb_close };
	char want[64], *text;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof verbs / sizeof verbs[0]; i++) {
		const char *args[] = { verbs[i / 2]->name,
			i % 2 == 0 ? "-h" : "--help", NULL };

		assert_int_equal(test_verb(verbs[i / 2], args, 0), 0);
		text = test_read(test_output);
		snprintf(want, sizeof want, "usage: crier %s ",
		    verbs[i / 2]->name);
		assert_memory_equal(text, want, strlen(want));
		assert_non_null(strstr(text, "\nexamples:\n"));
		free(text);
	}
}

static void
test_table(void **state)
{
	static const char *const table[][2] = {
		{ "{\"ok\":true}", "" },
		{ "{\"ok\":true,\"version\":\"1\",\"open_streams\":5,"
		  "\"total\":1234,\"on\":true,\"none\":null,\"l\":[1,2]}",
		    "version       1\nopen streams     5\ntotal         1234\n"
		    "on            yes\nnone          -\nl             [ 1, 2 ]"
		    "\n" },
		{ "{\"a_bytes\":0,\"b_bytes\":1023,\"c_bytes\":1024,"
		  "\"d_bytes\":1610612736,\"_bytes\":1}",
		    "a             0 B\nb          1023 B\nc        1.0 KiB\n"
		    "d        1.5 GiB\n bytes         1\n" },
		{ "{\"a_ms\":999,\"b_ms\":1500,\"c_seconds\":61,"
		  "\"d_seconds\":3661,\"e_seconds\":90000.5,\"f_ms\":0}",
		    "a      999 ms\nb       1.5 s\nc   1 min 1 s\n"
		    "d   1 h 1 min\ne     1 d 1 h\nf        0 ms\n" },
		{ "{\"x\":{\"b\":{\"c\":1}},\"a\":1}",
		    "a  1\n\nx\n  b\n    c  1\n" },
		{ "{\"t\":[{\"name\":\"long name\",\"n\":1},"
		  "{\"name\":\"\\u001b\",\"n\":100,\"x\":1},{}]}",
		    "\nt\n  name         n\n  long name    1\n"
		    "  \\x1b       100\n  -          -  \n" },
		{ "{\"\xc3\xa9\":1,\"ab\":2}", "\xc3\xa9   1\nab  2\n" },
	};
	struct json_object *object;
	char *text;
	size_t i, len;
	FILE *fp;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		object = json_tokener_parse(table[i][0]);
		assert_non_null(object);
		fp = open_memstream(&text, &len);
		assert_non_null(fp);
		status_table_print(object, fp);
		fclose(fp);
		assert_string_equal(text, table[i][1]);
		free(text);
		json_object_put(object);
	}
}

static int
test_setup(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	/* test_not_allowed is somebody else who must come as far as that. */
	if (chmod(test_dir, 0755) == -1)
		return -1;
	snprintf(test_socket, sizeof test_socket, "%s/q", test_dir);
	snprintf(test_requests, sizeof test_requests, "%s/requests", test_dir);
	snprintf(test_input, sizeof test_input, "%s/input", test_dir);
	snprintf(test_output, sizeof test_output, "%s/output", test_dir);
	snprintf(test_errors, sizeof test_errors, "%s/errors", test_dir);
	test_listen();
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	unlink(test_socket);
	unlink(test_requests);
	unlink(test_input);
	unlink(test_output);
	unlink(test_errors);
	return rmdir(test_dir);
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
		cmocka_unit_test(test_reply_code),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_tail_resumes),
		cmocka_unit_test(test_tail_ends),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("client", tests, test_setup,
	    test_teardown);
}
