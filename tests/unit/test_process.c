/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/process.h"

static bool test_has_call, test_has_proc;
static char test_dir[] = "/tmp/crier-process-XXXXXX";
static char test_path[64];

long __real_syscall(long, unsigned, unsigned, unsigned);
long __wrap_syscall(long, unsigned, unsigned, unsigned);
DIR *__real_opendir(const char *);
DIR *__wrap_opendir(const char *);

/* A kernel that does not know close_range(2). */
long
__wrap_syscall(long number, unsigned first, unsigned last, unsigned flags)
{
	if (test_has_call)
		return __real_syscall(number, first, last, flags);
	errno = ENOSYS;
	return -1;
}

DIR *
__wrap_opendir(const char *path)
{
	return test_has_proc ? __real_opendir(path) : NULL;
}

/* In a child: what it closes, it closes for good. */
static void
test_close_in_child(void)
{
	struct rlimit limit = { .rlim_cur = 256, .rlim_max = 256 };
	int fd, status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid > 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		return;
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	for (fd = 3; fd < 40; fd++)
		if (dup2(STDERR_FILENO, fd) == -1)
			_exit(1);
	if (dup2(STDERR_FILENO, 255) == -1)
		_exit(2);
	process_close_from(5);
	for (fd = 0; fd < 256; fd++)
		if ((fcntl(fd, F_GETFD) == -1) != (fd >= 5))
			_exit(3);
	/* Where nothing is open there is nothing to do. */
	process_close_from(5);
	_exit(fcntl(4, F_GETFD) == -1 ? 4 : 0);
}

static void
test_close_from(void **state)
{
	(void)state;
	test_has_call = test_has_proc = true;
	test_close_in_child();
	test_has_call = false;
	test_close_in_child();
	test_has_proc = false;
	test_close_in_child();
	test_has_call = test_has_proc = true;
}

/* Another process's lock; it ends with that. */
static pid_t
test_lock_in_child(void)
{
	const struct process_account nobody = { .is_set = false };
	int pair[2];
	char *cause, byte;
	int fd;
	pid_t pid;

	assert_int_equal(pipe(pair), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (process_lock(test_path, &nobody, &fd, &cause) != 0)
			_exit(1);
		close(pair[0]);
		if (write(pair[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	close(pair[0]);
	return pid;
}

static void
test_refused(const char *path, const char *why)
{
	const struct process_account nobody = { .is_set = false };
	char *cause = NULL;
	int fd;

	assert_int_equal(process_lock(path, &nobody, &fd, &cause), -1);
	assert_non_null(cause);
	if (strstr(cause, why) == NULL || strstr(cause, path) == NULL)
		fail_msg("%s", cause);
	free(cause);
}

static void
test_lock(void **state)
{
	const struct process_account nobody = { .is_set = false };
	struct stat st;
	char *cause = NULL, other[80];
	int fd;
	pid_t pid = test_lock_in_child();

	(void)state;
	assert_int_equal(stat(test_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(process_lock(test_path, &nobody, &fd, &cause), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_lock(test_path, &nobody, &fd, &cause), 0);
	/* It does not go to a program that is started. */
	assert_int_equal(process_lock(test_path, &nobody, &fd, &cause), 1);
	snprintf(other, sizeof other, "%s/link", test_dir);
	assert_int_equal(symlink(test_path, other), 0);
	test_refused(other, "is a symbolic link");
	unlink(other);
	test_refused(test_dir, "directory");
	snprintf(other, sizeof other, "%s/none/lock", test_dir);
	test_refused(other, "No such file");
}

static int
test_setup(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_path, sizeof test_path, "%s/lock", test_dir);
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
		cmocka_unit_test(test_close_from),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests_name("process", tests, test_setup,
	    test_teardown);
}
