/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/listener.h"
#include "base/log.h"

enum {
	TEST_ACCEPTED = 256,
	TEST_WAIT_S = 20
};

static const struct listener_access test_access = { 0640, (uid_t)-1,
	(gid_t)-1 };
static char test_dir[] = "/tmp/crier-listener-XXXXXX";
static char test_path[64], test_address[80];

/* What accept4 fails with, so many times. */
static int test_error;
static unsigned test_errors, test_calls;

int __real_accept4(int, struct sockaddr *, socklen_t *, int);
int __wrap_accept4(int, struct sockaddr *, socklen_t *, int);

int
__wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	test_calls++;
	if (test_errors == 0)
		return __real_accept4(fd, addr, len, flags);
	test_errors--;
	errno = test_error;
	return -1;
}

static int
test_open(const char *address)
{
	char *cause = NULL;
	int fd = listener_open(address, &test_access, &cause);

	if (fd == -1)
		fail_msg("%s", cause);
	assert_null(cause);
	return fd;
}

static void
test_refused(const char *address, const char *why)
{
	char *cause = NULL;

	assert_int_equal(listener_open(address, &test_access, &cause), -1);
	assert_non_null(cause);
	if (strstr(cause, why) == NULL)
		fail_msg("%s: %s", address, cause);
	free(cause);
}

/* A client's end, or -1 with errno. */
static int
test_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;

	assert_true(fd != -1);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static mode_t
test_mode(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static void
test_addresses(void **state)
{
	(void)state;
	assert_string_equal(listener_path("unix:/a/b"), "/a/b");
	assert_string_equal(listener_path("/a/b"), "/a/b");
	assert_string_equal(listener_path("a"), "a");
	assert_null(listener_path("tcp:127.0.0.1:80"));
}

static void
test_unix(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666, 0777, 0 };
	struct listener_access access = test_access;
	char *cause = NULL;
	size_t i;
	int fd, client;
	mode_t mask;

	(void)state;
	mask = umask(0077);
	for (i = 0; i < sizeof modes / sizeof *modes; i++) {
		access.mode = modes[i];
		access.owner = i % 2 ? geteuid() : (uid_t)-1;
		access.group = i % 2 ? getegid() : (gid_t)-1;
		fd = listener_open(i % 2 ? test_address : test_path, &access,
		    &cause);
		assert_true(fd != -1);
		/* Whatever the umask is, which stays what it was. */
		assert_int_equal(test_mode(test_path), S_IFSOCK | modes[i]);
		assert_int_equal(umask(0077), 0077);
		assert_true(listener_is_listening(fd));
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
		unlink(test_path);
	}
	umask(mask);
	fd = test_open(test_address);
	client = test_connect(test_path);
	assert_true(client != -1);
	assert_false(listener_is_listening(client));
	close(client);
	close(fd);
	assert_false(listener_is_listening(-1));
	assert_false(listener_is_listening(STDIN_FILENO));
}

/* A socket that nobody listens on is replaced. */
static void
test_stale(void **state)
{
	int fd, client;

	(void)state;
	fd = test_open(test_path);
	close(fd);
	assert_int_equal(test_connect(test_path), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd = test_open(test_path);
	client = test_connect(test_path);
	assert_true(client != -1);
	close(client);
	close(fd);
}

/* One that somebody listens on never is, however busy he is. */
static void
test_live(void **state)
{
	int fd, busy, clients[9], i = 0;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)state;
	unlink(test_path);
	fd = test_open(test_path);
	test_refused(test_address, "another process listens on it");
	close(test_connect(test_path));
	close(fd);
	unlink(test_path);
	/* His backlog is full. */
	busy = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(sun.sun_path, test_path, strlen(test_path) + 1);
	assert_int_equal(bind(busy, (const struct sockaddr *)&sun, sizeof sun),
	    0);
	assert_int_equal(listen(busy, 0), 0);
	for (i = 0; i < 8; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(clients[i], (const struct sockaddr *)&sun,
			sizeof sun) == -1)
			break;
	}
	assert_in_range(i, 1, 7);
	test_refused(test_path, "another process listens on it");
	assert_int_equal(test_mode(test_path) & S_IFMT, S_IFSOCK);
	for (; i >= 0; i--)
		close(clients[i]);
	close(busy);
	unlink(test_path);
}

static void
test_other_files(void **state)
{
	char other[80];
	int fd;

	(void)state;
	fd = open(test_path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	assert_int_equal(write(fd, "kept", 4), 4);
	close(fd);
	test_refused(test_path, "is no socket");
	assert_int_equal(test_mode(test_path), S_IFREG | 0600);
	unlink(test_path);
	assert_int_equal(mkfifo(test_path, 0600), 0);
	test_refused(test_path, "is no socket");
	unlink(test_path);
	assert_int_equal(mkdir(test_path, 0700), 0);
	test_refused(test_path, "is no socket");
	rmdir(test_path);
	/* Nor is a link followed, wherever it leads. */
	snprintf(other, sizeof other, "%s/other", test_dir);
	assert_int_equal(symlink(other, test_path), 0);
	test_refused(test_path, "is no socket");
	assert_int_equal(access(other, F_OK), -1);
	unlink(test_path);
}

/* What lies beside it, under whatever name, is not touched. */
static void
test_neighbours(void **state)
{
	static const char *const names[] = { "ab~", "a~", "~", "ab.tmp",
		"ab.new", ".ab", "a" };
	const size_t count = sizeof names / sizeof *names;
	char path[96];
	int fds[sizeof names / sizeof *names], fd, client;
	size_t i;

	(void)state;
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", test_dir, names[i]);
		fds[i] = test_open(path);
	}
	snprintf(path, sizeof path, "%s/ab", test_dir);
	fd = test_open(path);
	close(fd);
	unlink(path);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", test_dir, names[i]);
		client = test_connect(path);
		close(fds[i]);
		unlink(path);
		if (client == -1)
			fail_msg("%s is gone", names[i]);
		close(client);
	}
}

static void
test_directories(void **state)
{
	char dir[64], path[96];
	int fd;

	(void)state;
	snprintf(dir, sizeof dir, "%s/made", test_dir);
	snprintf(path, sizeof path, "%s/s", dir);
	fd = test_open(path);
	assert_int_equal(test_mode(dir) & S_IFMT, S_IFDIR);
	assert_int_equal(test_mode(dir) & 0022, 0);
	close(fd);
	/* It may be there already. */
	fd = test_open(path);
	close(fd);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof path, "%s/made/too/deep", test_dir);
	test_refused(path, "cannot make the directory");
	snprintf(path, sizeof path, "%s/file", test_dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	snprintf(path, sizeof path, "%s/file/s", test_dir);
	test_refused(path, "");
	snprintf(path, sizeof path, "%s/file", test_dir);
	unlink(path);
}

/* As long as the address of a socket may be, and longer by one. */
static void
test_long_path(void **state)
{
	char path[200];
	size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
	size_t n = strlen(test_dir);
	int fd;

	(void)state;
	memcpy(path, test_dir, n);
	path[n] = '/';
	memset(path + n + 1, 'x', sizeof path - n - 1);
	path[most] = '\0';
	fd = test_open(path);
	close(test_connect(path));
	close(fd);
	unlink(path);
	path[most] = 'x';
	path[most + 1] = '\0';
	test_refused(path, "too long");
}

static void
test_tcp(void **state)
{
	static const char *const bad[] = { "tcp:", "tcp:127.0.0.1", "tcp::80",
		"tcp:127.0.0.1:http" };
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;
	char address[64];
	size_t i;
	int fd, client;

	(void)state;
	fd = test_open("tcp:127.0.0.1:0");
	assert_true(listener_is_listening(fd));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(sin.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	snprintf(address, sizeof address, "tcp:127.0.0.1:%d",
	    ntohs(sin.sin_port));
	test_refused(address, "cannot listen");
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (const struct sockaddr *)&sin,
			     sizeof sin),
	    0);
	close(client);
	close(fd);
	/* Free again at once. */
	fd = test_open(address);
	close(fd);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		test_refused(bad[i], bad[i]);
}

static int test_got[TEST_ACCEPTED];
static size_t test_got_count, test_wanted;
static struct event_base *test_base;

static void
test_accept_cb(void *arg, int fd)
{
	assert_ptr_equal(arg, &test_got_count);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(test_got_count < TEST_ACCEPTED);
	test_got[test_got_count++] = fd;
	if (test_got_count == test_wanted)
		event_base_loopbreak(test_base);
}

/* Until all are accepted. */
static void
test_run(size_t wanted)
{
	static const struct timeval limit = { .tv_sec = TEST_WAIT_S };

	test_wanted = wanted;
	event_base_loopexit(test_base, &limit);
	event_base_dispatch(test_base);
	assert_int_equal(test_got_count, wanted);
	while (test_got_count > 0)
		close(test_got[--test_got_count]);
}

static void
test_accept(void **state)
{
	static const struct {
		int error;
		unsigned errors, most_calls;
	} cases[] = {
		{ 0, 0, 300 },
		/* Of the peer or the moment: the next one is tried at once. */
		{ ECONNABORTED, 5, 300 },
		{ EINTR, 5, 300 },
		{ EPROTO, 5, 300 },
		/* Nothing there after all. */
		{ EAGAIN, 1, 300 },
		/* No descriptor left: rests, and nobody is lost. */
		{ EMFILE, 3, 300 },
		{ ENFILE, 1, 300 },
		{ ENOMEM, 1, 300 },
		{ ENOBUFS, 1, 300 },
	};
	struct listener *l;
	int clients[100];
	size_t i, k;

	(void)state;
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		test_base = event_base_new();
		l = listener_new(test_base, test_open(test_path),
		    test_accept_cb, &test_got_count);
		assert_non_null(l);
		for (k = 0; k < 100; k++) {
			clients[k] = test_connect(test_path);
			assert_true(clients[k] != -1);
		}
		test_error = cases[i].error;
		test_errors = cases[i].errors;
		test_calls = 0;
		test_run(100);
		assert_int_equal(test_errors, 0);
		assert_true(test_calls <= cases[i].most_calls);
		for (k = 0; k < 100; k++)
			close(clients[k]);
		listener_free(l);
		/* It is closed. */
		assert_int_equal(test_connect(test_path), -1);
		assert_int_equal(errno, ECONNREFUSED);
		unlink(test_path);
		event_base_free(test_base);
	}
	listener_free(NULL);
}

static int
test_setup(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_path, sizeof test_path, "%s/s", test_dir);
	snprintf(test_address, sizeof test_address, "unix:%s", test_path);
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	unlink(test_path);
	return rmdir(test_dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_accept),
	};

	return cmocka_run_group_tests_name("listener", tests, test_setup,
	    test_teardown);
}
