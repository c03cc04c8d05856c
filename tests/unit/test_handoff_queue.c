/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Lines and descriptors through the queue's socket: each descriptor goes to
 * the line that it came with, or to none.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/handing.h"
#include "lib/support.h"
#include "protocol/fdpass.h"
#include "queue/allow.h"
#include "queue/queue.h"

enum {
	TEST_CLIENTS = 40
};

static struct handing test;
static bool test_is_listed = true;
static unsigned test_asked;

/* Who is at the other end of a test's socket. */
bool __wrap_allow_includes(const struct config_list *, int);

bool
__wrap_allow_includes(const struct config_list *allow, int fd)
{
	(void)allow;
	(void)fd;
	test_asked++;
	return test_is_listed;
}

/* A line for a stream of this channel, its end included. */
static const char *
test_line(const char *channel)
{
	static char line[512];

	snprintf(line, sizeof line,
	    "{\"do\":\"handoff\",\"framing\":\"cgi\",\"head\":\"%s\\n\","
	    "\"channel\":[\"%s\"]}\n",
	    channel, channel);
	return line;
}

/* A client, and the end that is handed over for it. */
struct test_client {
	int ours, theirs;
};

static struct test_client
test_client(void)
{
	struct test_client c;
	int fds[2];

	handing_pipe(fds);
	c.theirs = fds[0];
	c.ours = fds[1];
	return c;
}

/*
 * What it got must be the beginning of the stream of this channel; NULL: the
 * end, and nothing before it.
 */
static void
test_got(struct test_client *c, const char *channel)
{
	char text[256], want[64];
	ssize_t n;

	if (c->theirs != -1)
		close(c->theirs);
	c->theirs = -1;
	handing_turn(&test);
	n = read(c->ours, text, sizeof text - 1);
	close(c->ours);
	if (channel == NULL) {
		assert_int_equal(n, 0);
		return;
	}
	assert_true(n > 0);
	text[n] = '\0';
	snprintf(want, sizeof want, "%s\nretry: ", channel);
	assert_memory_equal(text, want, strlen(want));
}

static void
test_answers(int sock, const char *const *words)
{
	const char *said = handing_said(&test, sock), *at = said;
	size_t i;

	for (i = 0; words[i] != NULL; i++) {
		if ((at = strstr(at, words[i])) == NULL) {
			fail_msg("no %s in %s", words[i], said);
			return;
		}
		at += strlen(words[i]);
	}
}

static void
test_one_answer(int sock, const char *word)
{
	const char *words[] = { word, NULL };

	test_answers(sock, words);
}

static int
test_begin(void)
{
	test_is_listed = true;
	test_asked = 0;
	handing_setup(&test, NULL);
	return handing_connect(&test);
}

static void
test_end(int sock)
{
	close(sock);
	handing_turn(&test);
	assert_int_equal(queue_get_figures(test.queue).connections, 0);
	assert_int_equal(test.hub.hub->streams.count, 0);
	handing_teardown(&test);
}

static void
test_in_order(void **state)
{
	static const char *const words[] = { "opened", "opened", "opened",
		NULL };
	int sock = test_begin();
	struct test_client a = test_client(), b = test_client(),
			   c = test_client();

	(void)state;
	handing_send(sock, test_line("a"), &a.theirs, 1);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	handing_send(sock, test_line("c"), &c.theirs, 1);
	test_answers(sock, words);
	test_got(&b, "b");
	test_got(&c, "c");
	test_got(&a, "a");
	/* Its user was looked up once. */
	assert_int_equal(test_asked, 1);
	test_end(sock);
}

/* What came with a line that is no handoff is nobody else's. */
static void
test_refused_lines(void **state)
{
	static char longest[1300000];
	const char *const refused[] = { "{}\n", "hello\n",
		"{\"do\":\"status\"}\n", "{\"channel\":\"x\",\"data\":\"\"}\n",
		longest };
	struct test_client a, b;
	size_t i, j;
	int sock;

	(void)state;
	memset(longest, 'x', sizeof longest - 2);
	longest[sizeof longest - 2] = '\n';
	for (i = 0; i < sizeof refused / sizeof *refused; i++) {
		sock = test_begin();
		a = test_client();
		b = test_client();
		if (refused[i] != longest) {
			handing_send(sock, refused[i], &a.theirs, 1);
		} else {
			handing_send(sock, "xxx", &a.theirs, 1);
			for (j = 0; j + 1 < sizeof longest;
			     j += (size_t)1 << 14)
				assert_int_not_equal(
				    (handing_turn(&test),
					write(sock, longest + j,
					    sizeof longest - 1 - j < 1 << 14
						? sizeof longest - 1 - j
						: (size_t)1 << 14)),
				    -1);
		}
		handing_send(sock, test_line("b"), &b.theirs, 1);
		test_one_answer(sock, "opened");
		test_got(&b, "b");
		test_got(&a, NULL);
		test_end(sock);
	}
}

/* As the socket's buffer is full, or the sender slow. */
static void
test_byte_by_byte(void **state)
{
	int sock = test_begin();
	struct test_client a = test_client(), b = test_client();
	const char *line;
	char byte[2] = "";

	(void)state;
	for (line = test_line("a"); *line != '\0'; line++) {
		byte[0] = *line;
		handing_send(sock, byte, &a.theirs, *line == '{' ? 1 : 0);
		handing_turn(&test);
	}
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_one_answer(sock, "opened");
	test_got(&a, "a");
	test_got(&b, "b");
	test_end(sock);
}

/* One that comes in the middle of a line is not that line's. */
static void
test_in_the_middle(void **state)
{
	static const char *const words[] = { "no descriptor came", "opened",
		NULL };
	int sock = test_begin();
	struct test_client a = test_client(), b = test_client();

	(void)state;
	handing_send(sock, "{\"do\":\"handoff\",\"framing\":\"cgi\"", NULL, 0);
	handing_turn(&test);
	handing_send(sock, ",\"channel\":[\"a\"]}\n", &a.theirs, 1);
	handing_turn(&test);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_answers(sock, words);
	test_got(&a, NULL);
	test_got(&b, "b");
	test_end(sock);
}

static void
test_two_lines(char *to, size_t size, const char *first, const char *second)
{
	int n = snprintf(to, size, "%s", test_line(first));

	snprintf(to + n, size - (size_t)n, "%s", test_line(second));
}

static void
test_without(void **state)
{
	static const char *const words[] = { "opened", "no descriptor came",
		"opened", "opened", "no descriptor came", NULL };
	char lines[1024];
	int sock = test_begin(), fds[2];
	struct test_client a = test_client(), b = test_client(),
			   c = test_client();

	(void)state;
	/* Two lines in one message, with one, then with two descriptors. */
	test_two_lines(lines, sizeof lines, "a", "b");
	handing_send(sock, lines, &a.theirs, 1);
	test_two_lines(lines, sizeof lines, "b", "c");
	fds[0] = b.theirs;
	fds[1] = c.theirs;
	handing_send(sock, lines, fds, 2);
	handing_send(sock, test_line("d"), NULL, 0);
	test_answers(sock, words);
	test_got(&a, "a");
	test_got(&b, "b");
	test_got(&c, "c");
	test_end(sock);
}

/* A line that has to wait for the store keeps its own. */
static void
test_waiting(void **state)
{
	static const char *const words[] = { "\"id\"", "opened", "opened",
		NULL };
	int sock = test_begin();
	struct test_client a = test_client(), b = test_client();

	(void)state;
	handing_send(sock, "{\"channel\":\"z\",\"data\":\"\"}\n", NULL, 0);
	handing_send(sock, test_line("a"), &a.theirs, 1);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_answers(sock, words);
	test_got(&a, "a");
	test_got(&b, "b");
	test_end(sock);
}

/* A thousand of them with nothing to do: none is left open, nor is it slow. */
static void
test_flood(void **state)
{
	int sock = test_begin(), many[250], i;
	struct test_client a = test_client(), b = test_client();
	size_t before = handing_descriptors();

	(void)state;
	for (i = 0; i < 250; i++)
		many[i] = a.theirs;
	for (i = 0; i < 4; i++) {
		handing_send(sock, "x", many, 250);
		handing_turn(&test);
		assert_true(handing_descriptors() <= before + 64);
	}
	handing_send(sock, "\n", NULL, 0);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_one_answer(sock, "opened");
	assert_true(handing_descriptors() <= before + 1);
	test_got(&a, NULL);
	test_got(&b, "b");
	test_end(sock);
}

/* Who may not hand over is told so; his descriptors are not even received. */
static void
test_not_allowed(void **state)
{
	static const char *const words[] = { "handoff-allow", "\"code\":77",
		"\"id\"", NULL };
	struct config *fresh;
	int sock = test_begin();
	struct test_client a = test_client(), b = test_client();

	(void)state;
	test_is_listed = false;
	handing_send(sock, test_line("a"), &a.theirs, 1);
	handing_send(sock, "{\"channel\":\"z\",\"data\":\"\"}\n", &b.theirs, 1);
	test_answers(sock, words);
	test_got(&a, NULL);
	/* Until another configuration allows him. */
	test_is_listed = true;
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_one_answer(sock, "handoff-allow");
	fresh = support_config(NULL);
	hub_reconfigure(test.hub.hub, fresh, 10);
	door_configure(test.door, fresh, 10);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_one_answer(sock, "opened");
	test_got(&b, "b");
	assert_int_equal(test_asked, 2);
	close(sock);
	handing_turn(&test);
	hub_reconfigure(test.hub.hub, test.hub.config, 10);
	config_free(fresh);
	handing_teardown(&test);
}

/* No descriptor is left: its client comes again, and the next one is served. */
static void
test_none_left(void **state)
{
	struct test_client a, b;
	struct rlimit limit, less;
	int sock, probe;

	(void)state;
	if (support_is_valgrind())
		return;
	sock = test_begin();
	a = test_client();
	b = test_client();
	probe = dup(sock);
	close(probe);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = limit;
	less.rlim_cur = (rlim_t)probe;
	handing_send(sock, test_line("a"), &a.theirs, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	test_one_answer(sock, "no descriptors left\",\"code\":75");
	setrlimit(RLIMIT_NOFILE, &limit);
	handing_send(sock, test_line("b"), &b.theirs, 1);
	test_one_answer(sock, "opened");
	assert_int_equal(test.hub.hub->counters.turned_away, 1);
	test_got(&a, NULL);
	test_got(&b, "b");
	test_end(sock);
}

/* A connection to a socket where the queue listens. */
static int
test_connect(const struct sockaddr_un *at)
{
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(sock, (const struct sockaddr *)at, sizeof *at),
	    0);
	assert_true(fcntl(sock, F_SETFL, O_NONBLOCK) != -1);
	handing_turn(&test);
	return sock;
}

/*
 * All peers together hold no more descriptors than there may be connections:
 * one more is closed, and its line is told to come again.
 */
static void
test_too_many_held(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct test_client a, b;
	int first, second, own = test_begin();
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char half[16], rest[512];

	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "/tmp/crier-queue-%d",
	    (int)getpid());
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(queue_listen(test.queue, listener), 0);
	first = test_connect(&at);
	second = test_connect(&at);
	unlink(at.sun_path);
	queue_set_connections(test.queue, 1);
	a = test_client();
	b = test_client();
	snprintf(half, sizeof half, "%.15s", test_line("a"));
	snprintf(rest, sizeof rest, "%s", test_line("a") + strlen(half));
	handing_send(first, half, &a.theirs, 1);
	handing_turn(&test);
	handing_send(second, half, &b.theirs, 1);
	handing_turn(&test);
	handing_send(second, rest, NULL, 0);
	test_one_answer(second, "no descriptors left\",\"code\":75");
	test_got(&b, NULL);
	handing_send(first, rest, NULL, 0);
	test_one_answer(first, "opened");
	test_got(&a, "a");
	close(first);
	close(second);
	test_end(own);
}

/* Half a line, with a descriptor, and then nothing any more. */
static void
test_half_a_line(void **state)
{
	int sock = test_begin();
	struct test_client a = test_client();

	(void)state;
	handing_send(sock, "{\"do\":\"handoff\",\"fra", &a.theirs, 1);
	handing_turn(&test);
	shutdown(sock, SHUT_WR);
	test_one_answer(sock, "not valid JSON");
	test_got(&a, NULL);
	test_end(sock);
}

/* The connection itself, through itself: it holds on to nothing for ever. */
static void
test_itself(void **state)
{
	int sock = test_begin();

	(void)state;
	handing_send(sock, test_line("a"), &sock, 1);
	handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, 1);
	/* Its own stream's text came in as lines, and was refused as such. */
	assert_true(queue_get_figures(test.queue).counters.lines > 1);
	hub_close_channel(test.hub.hub, "a", 1, false);
	test_end(sock);
}

/* A request may be larger than any event, and its handoff is, too. */
static void
test_large(void **state)
{
	static const char *const settings[] = { "max-event=1", NULL };
	static char line[300000], since[200000];
	struct test_client a;
	bool is_listed;
	size_t at, n;
	int sock, i;

	(void)state;
	memset(since, 'x', sizeof since - 1);
	snprintf(line, sizeof line,
	    "{\"do\":\"handoff\",\"framing\":\"cgi\",\"head\":\"a\\n\","
	    "\"channel\":[\"a\"],\"since\":\"%s\"}\n",
	    since);
	for (i = 0; i < 2; i++) {
		is_listed = i == 0;
		handing_setup(&test, settings);
		test_is_listed = is_listed;
		sock = handing_connect(&test);
		a = test_client();
		for (at = 0; at < strlen(line); at += n) {
			n = strlen(line) - at < 30000 ? strlen(line) - at
						      : 30000;
			assert_int_equal(fdpass_send(sock, line + at, n,
					     at == 0 ? a.theirs : -1),
			    n);
			handing_turn(&test);
		}
		test_one_answer(sock, is_listed ? "opened" : "too long");
		test_got(&a, is_listed ? "a" : NULL);
		test_end(sock);
	}
	test_is_listed = true;
}

/* More than fit into the socket at once, of doors that do not wait. */
static void
test_many(void **state)
{
	struct test_client clients[TEST_CLIENTS];
	char name[16];
	int sock = test_begin(), i;

	(void)state;
	for (i = 0; i < TEST_CLIENTS; i++) {
		clients[i] = test_client();
		snprintf(name, sizeof name, "c%d", i);
		handing_send(sock, test_line(name), &clients[i].theirs, 1);
	}
	for (i = 0; i < TEST_CLIENTS; i++)
		handing_turn(&test);
	assert_int_equal(test.hub.hub->streams.count, TEST_CLIENTS);
	for (i = 0; i < TEST_CLIENTS; i++) {
		snprintf(name, sizeof name, "c%d", i);
		test_got(&clients[i], name);
	}
	test_end(sock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_in_the_middle),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_none_left),
		cmocka_unit_test(test_too_many_held),
		cmocka_unit_test(test_half_a_line),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("handoff, by the queue", tests, NULL,
	    NULL);
}
