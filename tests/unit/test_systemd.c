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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/systemd.h"

/*
 * What only shows within the process: what is left of the environment.  The
 * rest is tested end to end.  Descriptors from 3 on are taken, so each test
 * runs in a process of its own, whose exit status is what went wrong, or 0.
 */

enum {
	TEST_FD = 3
};

static int
test_in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A listening socket as descriptor 3, announced to this process. */
static void
test_pass_socket(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char pid[32];

	/* The family alone: the kernel chooses an abstract name. */
	if (bind(fd, (const struct sockaddr *)&sun, sizeof sun.sun_family) ==
		-1 ||
	    listen(fd, 1) == -1 || dup2(fd, TEST_FD) == -1)
		_exit(100);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "fcgi", 1);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
}

static int
test_child_sees_none(void)
{
	return getenv("NOTIFY_SOCKET") == NULL ? 0 : 1;
}

static int
test_take(void)
{
	struct systemd_sockets sockets;
	char *cause = NULL;

	test_pass_socket();
	if (systemd_take_sockets("/queue", &sockets, &cause) == -1)
		return 1;
	if (sockets.fcgi_count != 1 || sockets.fcgi[0] != TEST_FD ||
	    sockets.queue != -1 || sockets.fifo != -1)
		return 2;
	if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
	    getenv("LISTEN_FDNAMES") != NULL)
		return 3;
	if (getenv("NOTIFY_SOCKET") == NULL || !systemd_is_manager(&sockets))
		return 4;
	return test_in_child(test_child_sees_none) == 0 ? 0 : 5;
}

static int
test_take_nothing(void)
{
	struct systemd_sockets sockets;
	char *cause = NULL;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("NOTIFY_SOCKET");
	if (systemd_take_sockets("/queue", &sockets, &cause) == -1)
		return 1;
	if (sockets.fcgi_count != 0 || sockets.queue != -1 ||
	    sockets.fifo != -1 || systemd_is_manager(&sockets))
		return 2;
	/* Nobody to tell, nothing to tell it with. */
	systemd_ready("serving");
	systemd_reloading();
	systemd_stopping();
	systemd_watchdog_stop();
	return 0;
}

/* Built without libsystemd, whatever is passed is left alone. */
static int
test_take_unable(void)
{
	struct systemd_sockets sockets;
	char *cause = NULL;

	test_pass_socket();
	if (systemd_take_sockets("/queue", &sockets, &cause) == -1)
		return 1;
	return sockets.fcgi_count == 0 && !systemd_is_manager(&sockets) ? 0 : 2;
}

static void
test_environment(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(systemd_is_built_in()
				 ? test_take
				 : test_take_unable),
	    0);
}

static void
test_nothing(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(test_take_nothing), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests_name("systemd", tests, NULL, NULL);
}
