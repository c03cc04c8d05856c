/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

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
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "lib/peers.h"
#include "store/redis_link.h"

/*
 * A connection to a Redis: to a real one on a socket in a directory of the
 * test's own, if redis-server is there, and to a fake that answers whatever the
 * test says.
 */

struct test_run {
	struct event_base *base;
	char dir[64], path[96], why[REDIS_LINK_WHY_SIZE];
	struct redis_link_peer peer;
	struct redis_link *link;
	pid_t server; /* -1: there is no redis-server */
	int listener; /* of the fake; -1: none */
	bool is_up, frees_itself;
	unsigned downs, replies;
	char text[256]; /* of the last reply */
};

static void
test_up_cb(void *arg)
{
	struct test_run *run = arg;

	run->is_up = true;
	event_base_loopbreak(run->base);
}

static void
test_down_cb(void *arg, const char *why)
{
	struct test_run *run = arg;

	run->downs++;
	snprintf(run->why, sizeof run->why, "%s", why);
	redis_link_free(run->link);
	run->link = NULL;
	event_base_loopbreak(run->base);
}

static void
test_reply_cb(void *arg, const redisReply *reply)
{
	struct test_run *run = arg;

	run->replies++;
	snprintf(run->text, sizeof run->text, "%d %lld %s", reply->type,
	    reply->integer, reply->str == NULL ? "" : reply->str);
	if (run->frees_itself) {
		redis_link_free(run->link);
		run->link = NULL;
	}
	event_base_loopbreak(run->base);
}

static void
test_connect(struct test_run *run)
{
	struct redis_link_owner owner = {
		.up = test_up_cb, .down = test_down_cb, .arg = run
	};

	run->is_up = false;
	run->downs = run->replies = 0;
	run->why[0] = '\0';
	run->link = redis_link_new(run->base, &run->peer, &owner);
	assert_non_null(run->link);
	event_base_dispatch(run->base);
}

static void
test_disconnect(struct test_run *run)
{
	redis_link_free(run->link);
	run->link = NULL;
}

static int
test_command(struct test_run *run, const char *a, const char *b, const char *c)
{
	const char *text[] = { a, b, c };
	size_t len[] = { strlen(a), b == NULL ? 0 : strlen(b),
		c == NULL ? 0 : strlen(c) };
	struct redis_words words = { .text = text,
		.len = len,
		.count = 1u + (b != NULL) + (c != NULL) };

	return redis_link_send(run->link, &words, test_reply_cb, run);
}

static const char *
test_ask(struct test_run *run, const char *a, const char *b, const char *c)
{
	run->text[0] = '\0';
	assert_int_equal(test_command(run, a, b, c), 0);
	event_base_dispatch(run->base);
	return run->text;
}

static void
test_start_server(struct test_run *run)
{
	char socket[128];
	int null;

	snprintf(socket, sizeof socket, "%s", run->path);
	run->server = fork();
	if (run->server == 0) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0",
		    "--unixsocket", socket, "--dir", run->dir, "--save", "",
		    "--requirepass", "secret", (char *)NULL);
		_exit(127);
	}
	assert_int_not_equal(run->server, -1);
}

/* Until it takes connections; false: it cannot be started. */
static bool
test_await_server(struct test_run *run)
{
	unsigned i;
	int status;

	for (i = 0; i < 500 && access(run->path, F_OK) == -1; i++) {
		if (waitpid(run->server, &status, WNOHANG) == run->server) {
			run->server = -1;
			return false;
		}
		clock_sleep_ms(10);
	}
	return true;
}

static int
test_setup(void **state)
{
	struct test_run *run = calloc(1, sizeof *run);

	run->base = event_base_new();
	snprintf(run->dir, sizeof run->dir, "/tmp/crier-redis-XXXXXX");
	assert_non_null(mkdtemp(run->dir));
	snprintf(run->path, sizeof run->path, "%s/s", run->dir);
	run->peer = (struct redis_link_peer){
		.path = run->path, .user = "", .password = ""
	};
	run->server = run->listener = -1;
	*state = run;
	return 0;
}

static int
test_teardown(void **state)
{
	static const char *const files[] = { "cert", "key" };
	struct test_run *run = *state;
	char path[128];
	size_t i;

	test_disconnect(run);
	if (run->server > 0) {
		kill(run->server, SIGKILL);
		waitpid(run->server, NULL, 0);
	}
	if (run->listener != -1)
		close(run->listener);
	unlink(run->path);
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", run->dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(run->dir), 0);
	/* What was freed in its own callback is finished by the loop. */
	event_base_loop(run->base, EVLOOP_NONBLOCK);
	event_base_free(run->base);
	free(run);
	return 0;
}

static void
test_real(void **state)
{
	struct test_run *run = *state;
	unsigned i;

	test_start_server(run);
	if (!test_await_server(run)) {
		print_message("no redis-server: nothing is tried\n");
		return;
	}
	run->peer.password = "wrong";
	test_connect(run);
	assert_non_null(strstr(run->why, "WRONGPASS"));
	run->peer.user = "nobody";
	test_connect(run);
	assert_non_null(strstr(run->why, "WRONGPASS"));
	run->peer.user = "";
	run->peer.password = "secret";
	run->peer.db = "99";
	test_connect(run);
	assert_non_null(strstr(run->why, "DB index is out of range"));
	assert_int_equal(run->downs, 1);
	run->peer.db = "3";
	test_connect(run);
	assert_true(run->is_up);
	assert_string_equal(test_ask(run, "SET", "a", "b"), "5 0 OK");
	assert_string_equal(test_ask(run, "GET", "a", NULL), "1 0 b");
	assert_non_null(strstr(test_ask(run, "NONE", NULL, NULL), "6 0 ERR"));
	/* Replies come in the order of the commands. */
	for (i = 0; i < 100; i++)
		assert_int_equal(test_command(run, "INCR", "n", NULL), 0);
	assert_int_equal(redis_link_waiting(run->link), 100);
	for (run->replies = 0; run->replies < 100;)
		event_base_dispatch(run->base);
	assert_string_equal(run->text, "3 100 ");
	/* A callback frees the link. */
	run->frees_itself = true;
	test_command(run, "INCR", "n", NULL);
	test_command(run, "INCR", "n", NULL);
	event_base_dispatch(run->base);
	assert_null(run->link);
	assert_int_equal(run->replies, 101);
	run->frees_itself = false;
	test_connect(run);
	kill(run->server, SIGKILL);
	event_base_dispatch(run->base);
	assert_int_equal(run->downs, 1);
}

/* A certificate of its own for "localhost", and a server that has it. */
static bool
test_start_tls(struct test_run *run, const char *port)
{
	char command[512], cert[128], key[128];

	snprintf(cert, sizeof cert, "%s/cert", run->dir);
	snprintf(key, sizeof key, "%s/key", run->dir);
	snprintf(command, sizeof command,
	    "openssl req -x509 -nodes -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -subj /CN=localhost -addext "
	    "subjectAltName=DNS:localhost -keyout %s -out %s 2>/dev/null",
	    key, cert);
	if (system(command) != 0)
		return false;
	run->server = fork();
	if (run->server == 0) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0",
		    "--tls-port", port, "--tls-cert-file", cert,
		    "--tls-key-file", key, "--tls-auth-clients", "no",
		    "--unixsocket", run->path, "--dir", run->dir, "--save", "",
		    "--bind", "127.0.0.1", (char *)NULL);
		_exit(127);
	}
	return test_await_server(run);
}

static void
test_tls(void **state)
{
	struct redis_host local = { .name = "localhost" };
	struct redis_host number = { .name = "127.0.0.1" };
	struct test_run *run = *state;
	struct redis_tls *ours, *others;
	char cert[128], *cause;

	snprintf(local.port, sizeof local.port, "%u",
	    (unsigned)(20000 + getpid() % 10000));
	memcpy(number.port, local.port, sizeof number.port);
	snprintf(cert, sizeof cert, "%s/cert", run->dir);
	assert_null(redis_tls_new("/nonexistent", &cause));
	free(cause);
	if (!test_start_tls(run, local.port)) {
		print_message("no redis-server with TLS: nothing is tried\n");
		return;
	}
	ours = redis_tls_new(cert, &cause);
#ifndef HAVE_LIBEVENT_OPENSSL
	assert_null(ours);
	free(cause);
	return;
#endif
	others = redis_tls_new("", &cause);
	assert_non_null(ours);
	assert_non_null(others);
	run->peer.path = NULL;
	run->peer.host = &local;
	run->peer.tls = ours;
	test_connect(run);
	assert_string_equal(run->why, "");
	assert_string_equal(test_ask(run, "PING", NULL, NULL), "5 0 PONG");
	test_disconnect(run);
	run->peer.host = &number;
	test_connect(run);
	assert_non_null(strstr(run->why, "its certificate: "));
	run->peer.host = &local;
	run->peer.tls = others;
	test_connect(run);
	assert_non_null(strstr(run->why, "its certificate: "));
	redis_tls_free(ours);
	redis_tls_free(others);
}

static void
test_nobody(void **state)
{
	static const struct redis_host host = { .name = "127.0.0.1",
		.port = "1" };
	static const struct redis_host unknown = { .name = "x.invalid",
		.port = "1" };
	struct test_run *run = *state;

	test_connect(run);
	assert_string_equal(run->why, strerror(ENOENT));
	run->peer.path = NULL;
	run->peer.host = &host;
	test_connect(run);
	assert_string_equal(run->why, strerror(ECONNREFUSED));
	run->peer.host = &unknown;
	test_connect(run);
	assert_non_null(strstr(run->why, "x.invalid: "));
	/* Left while its name is being resolved. */
	run->link = redis_link_new(run->base, &run->peer,
	    &(struct redis_link_owner){
		.up = test_up_cb, .down = test_down_cb, .arg = run });
	event_base_loop(run->base, EVLOOP_NONBLOCK);
	test_disconnect(run);
}

static void
test_listen(struct test_run *run)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof un.sun_path, "%s", run->path);
	run->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(run->listener, (struct sockaddr *)&un, sizeof un),
	    0);
	assert_int_equal(listen(run->listener, 8), 0);
}

/* A command's last bytes do not wait for the acknowledgement of the others. */
static void
test_tcp(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct redis_host host = { .name = "127.0.0.1" };
	struct test_run *run = *state;
	socklen_t len = sizeof in;

	run->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(run->listener, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(run->listener, 8), 0);
	getsockname(run->listener, (struct sockaddr *)&in, &len);
	snprintf(host.port, sizeof host.port, "%u", ntohs(in.sin_port));
	run->peer.path = NULL;
	run->peer.host = &host;
	test_connect(run);
	assert_true(run->is_up);
	assert_true(peers_send_at_once(in.sin_port));
	test_disconnect(run);
}

/* A password that is repeated goes no further; programs get no socket. */
static void
test_login(void **state)
{
	static const char *const table[][2] = {
		{ "-ERR unknown command 'AUTH', args: 'hush'\r\n",
		    "login: AUTH: ERR" },
		{ "-WRONGPASS\r\n", "login: AUTH: WRONGPASS" },
		{ "-hush\r\n", "login: AUTH: " },
	};
	struct redis_link_owner owner = { .up = test_up_cb,
		.down = test_down_cb };
	struct test_run *run = *state;
	size_t i;
	int fd;

	test_listen(run);
	owner.arg = run;
	run->peer.password = "hush";
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		run->link = redis_link_new(run->base, &run->peer, &owner);
		assert_non_null(run->link);
		event_base_loop(run->base, EVLOOP_ONCE);
		fd = accept(run->listener, NULL, NULL);
		assert_true(peers_close_by_exec(run->path));
		assert_int_equal(send(fd, table[i][0], strlen(table[i][0]), 0),
		    strlen(table[i][0]));
		event_base_dispatch(run->base);
		close(fd);
		assert_string_equal(run->why, table[i][1]);
	}
}

/* What a socket does not take at once goes out as it is read. */
static void
test_large(void **state)
{
	enum {
		LARGE = 8 * 1024 * 1024
	};
	struct test_run *run = *state;
	char *word = malloc(LARGE + 1), piece[65536];
	size_t got = 0, turns = 0;
	ssize_t n;
	int fd;

	assert_non_null(word);
	memset(word, 'x', LARGE);
	word[LARGE] = '\0';
	test_listen(run);
	test_connect(run);
	fd = accept(run->listener, NULL, NULL);
	assert_int_equal(test_command(run, word, NULL, NULL), 0);
	while (got < LARGE && turns++ < LARGE) {
		event_base_loop(run->base, EVLOOP_NONBLOCK);
		n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
		if (n == -1)
			assert_int_equal(errno, EAGAIN);
		else
			got += (size_t)n;
	}
	assert_in_range(got, LARGE, LARGE + 64);
	close(fd);
	free(word);
}

/* The bytes that a fake says to one command, and why the link ends. */
static void
test_lie(struct test_run *run, const char *bytes, size_t len, const char *why)
{
	int fd;

	test_connect(run);
	assert_true(run->is_up);
	assert_int_equal(test_command(run, "PING", NULL, NULL), 0);
	fd = accept(run->listener, NULL, NULL);
	assert_int_equal(loop_prepare_fd(fd), 0);
	while (run->downs == 0) {
		ssize_t n = len == 0 ? 0 : send(fd, bytes, len, MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
		event_base_loop(run->base,
		    len == 0 ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	}
	close(fd);
	assert_non_null(strstr(run->why, why));
}

static void
test_hostile(void **state)
{
	static const struct {
		const char *bytes, *why;
	} table[] = {
		{ "HTTP/1.1 400 Bad Request\r\n", "protocol" },
		{ "*2000000000\r\n", "protocol" },
		{ "*1048577\r\n", "too large" },
		{ "*2\r\n*1048575\r\n", "too large" },
		{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
		    "protocol" },
		{ "$-5\r\n", "protocol" },
		{ "$99999999999999999999\r\n", "protocol" },
		{ "+PONG\r\n+PONG\r\n", "without a question" },
	};
	struct test_run *run = *state;
	size_t i;

	test_listen(run);
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		/* hiredis differs by version in which of the two it says. */
		bool either =
		    table[i].bytes[1] == '2' && table[i].bytes[2] == '0';

		test_lie(run, table[i].bytes, strlen(table[i].bytes),
		    either ? "" : table[i].why);
	}
}

static void
test_endless(void **state)
{
	enum {
		SIZE = REDIS_LINK_REPLY_BYTES + 1024 * 1024
	};
	struct test_run *run = *state;
	char *bytes = malloc(SIZE);

	test_listen(run);
	memset(bytes, 'x', SIZE);
	bytes[0] = '+';
	test_lie(run, bytes, SIZE, "line of a reply is too long");
	bytes[1] = '\r';
	test_lie(run, bytes, SIZE, "line of a reply is too long");
	memcpy(bytes, "$500000000\r\n", 12);
	/* Under valgrind it is too late before it is too large. */
	test_lie(run, bytes, SIZE, "");
	free(bytes);
}

static void
test_silent(void **state)
{
	struct test_run *run = *state;
	uint64_t began_ms = clock_monotonic_ms();

	test_listen(run);
	test_lie(run, "+PON", 4, "answers too slowly");
	assert_true(clock_monotonic_ms() - began_ms >= REDIS_LINK_REPLY_MS);
	/* At the login. */
	run->peer.password = "x";
	test_connect(run);
	assert_false(run->is_up);
	assert_string_equal(run->why, "it does not answer");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_real, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_tls, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_nobody, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_tcp, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_large, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_login, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_hostile, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_endless, test_setup,
		    test_teardown),
		cmocka_unit_test_setup_teardown(test_silent, test_setup,
		    test_teardown),
	};

	return cmocka_run_group_tests_name("redis_link", tests, NULL, NULL);
}
