/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Where the queue is.  Who is asked for is a matter of the environment and of
 * files, so each case is one process's, as a user that is not root.
 */

#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "protocol/paths.h"

enum {
	TEST_NOBODY = 65534
};

static char test_dir[32];
static char test_home[64], test_session[64];

/* Is the result this one, below a directory of the test's? */
static int
test_is(char *path, const char *dir, const char *rest)
{
	char want[256];
	int same;

	snprintf(want, sizeof want, "%s%s", dir, rest);
	same = path != NULL && strcmp(path, want) == 0;
	if (!same)
		fprintf(stderr, "# %s instead of %s\n",
		    path == NULL ? "nothing" : path, want);
	free(path);
	return same ? 0 : 1;
}

/* The user has none: the system's, or where he would make his own. */
static int
test_is_default(char *path)
{
	static const char queue[] = "/crier/queue.sock";
	bool has_system = access(RUNSTATEDIR "/crier/queue.sock", F_OK) == 0;

	return test_is(path, has_system ? RUNSTATEDIR : test_session, queue);
}

static void
test_touch(const char *dir, const char *rest)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s%s", dir, rest);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) != -1)
		close(fd);
}

static void
test_mkdir(const char *dir, const char *rest)
{
	char path[256];

	snprintf(path, sizeof path, "%s%s", dir, rest);
	if (mkdir(path, 0755) == -1)
		_exit(99);
}

/* As somebody who is not root, in a process of his own; 0 is good. */
static void
test_as_user(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		unsetenv("CRIER_QUEUE");
		setenv("HOME", test_home, 1);
		setenv("XDG_RUNTIME_DIR", test_session, 1);
		if (geteuid() == 0 &&
		    (setgroups(0, NULL) == -1 || setgid(TEST_NOBODY) == -1 ||
			setuid(TEST_NOBODY) == -1))
			_exit(98);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
test_session_body(void)
{
	int bad = test_is(paths_runtime_file("x"), test_session, "/crier/x");

	bad += test_is_default(paths_find_queue());
	/* A relative directory is none. */
	setenv("XDG_RUNTIME_DIR", "run", 1);
	if (access(RUNSTATEDIR "/crier", F_OK) != 0)
		bad += test_is(paths_runtime_file("x"), test_home, "/.crier/x");
	return bad;
}

static int
test_given_body(void)
{
	setenv("CRIER_QUEUE", "some/where", 1);
	if (test_is(paths_find_queue(), "some/where", "") != 0)
		return 1;
	setenv("CRIER_QUEUE", "", 1);
	return test_is_default(paths_find_queue());
}

/* The first that exists, of the session's and the home's. */
static int
test_existing_body(void)
{
	int bad;

	test_mkdir(test_home, "/.crier");
	test_touch(test_home, "/.crier/queue.sock");
	bad = test_is(paths_find_queue(), test_home, "/.crier/queue.sock");
	test_mkdir(test_session, "/crier");
	test_touch(test_session, "/crier/queue.sock");
	bad += test_is(paths_find_queue(), test_session, "/crier/queue.sock");
	unsetenv("XDG_RUNTIME_DIR");
	bad += test_is(paths_find_queue(), test_home, "/.crier/queue.sock");
	return bad;
}

/* A home that is somebody else's is not ours, as after su. */
static int
test_other_home_body(void)
{
	char *path;
	int bad;

	unsetenv("XDG_RUNTIME_DIR");
	setenv("HOME", "/", 1);
	path = paths_runtime_file("x");
	bad = path == NULL || strncmp(path, "//", 2) == 0;
	free(path);
	setenv("HOME", "relative", 1);
	path = paths_runtime_file("x");
	bad += path == NULL || strncmp(path, "relative", 8) == 0;
	free(path);
	return bad;
}

static int
test_make_home_body(void)
{
	char dir[128], path[256];
	struct stat st;

	umask(0);
	snprintf(dir, sizeof dir, "%s/.crier", test_home);
	snprintf(path, sizeof path, "%s/queue.sock", dir);
	/* Only for what is in it. */
	if (paths_make_home("/elsewhere/queue.sock") != 0 ||
	    stat(dir, &st) == 0)
		return 1;
	if (paths_make_home(path) != 0 || stat(dir, &st) == -1 ||
	    (st.st_mode & 07777) != 0700)
		return 2;
	if (paths_make_home(path) != 0)
		return 3;
	/* Where it cannot be made, that is said. */
	if (rmdir(dir) == -1 || chmod(test_home, 0500) == -1)
		return 4;
	if (paths_make_home(path) != -1)
		return 5;
	return chmod(test_home, 0700) == -1 ? 6 : 0;
}

static void
test_session_dir(void **state)
{
	(void)state;
	test_as_user(test_session_body);
}

static void
test_given(void **state)
{
	(void)state;
	test_as_user(test_given_body);
}

static void
test_existing(void **state)
{
	(void)state;
	test_as_user(test_existing_body);
}

static void
test_other_home(void **state)
{
	(void)state;
	test_as_user(test_other_home_body);
}

static void
test_make_home(void **state)
{
	(void)state;
	test_as_user(test_make_home_body);
}

/* Root's serves the system, whoever's environment it has. */
static void
test_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return;
	setenv("HOME", test_home, 1);
	setenv("XDG_RUNTIME_DIR", test_session, 1);
	assert_int_equal(test_is(paths_runtime_file("x"), RUNSTATEDIR,
			     "/crier/x"),
	    0);
	assert_int_equal(paths_make_home("/x/.crier/y"), 0);
}

static void
test_beside(void **state)
{
	(void)state;
	assert_int_equal(test_is(paths_beside("/a/b", "c"), "/a/", "c"), 0);
	assert_int_equal(test_is(paths_beside("b", "c"), "", "c"), 0);
	assert_int_equal(test_is(paths_beside("/b", "c"), "/", "c"), 0);
	assert_int_equal(test_is(paths_beside("", "c"), "", "c"), 0);
}

/* One that is beside this program, or where it is installed. */
static void
test_find_program(void **state)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *name;

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	name = strrchr(self, '/') + 1;
	assert_int_equal(test_is(paths_find_program(name, "/nowhere"), self,
			     ""),
	    0);
	assert_int_equal(test_is(paths_find_program("no-such", "/nowhere"),
			     "/nowhere/", "no-such"),
	    0);
}

static void
test_remove(const char *dir, const char *rest)
{
	char path[256];

	snprintf(path, sizeof path, "%s%s", dir, rest);
	remove(path);
}

static int
test_make(void **state)
{
	(void)state;
	snprintf(test_dir, sizeof test_dir, "/tmp/crier-paths-XXXXXX");
	if (mkdtemp(test_dir) == NULL || chmod(test_dir, 0755) == -1)
		return -1;
	snprintf(test_home, sizeof test_home, "%s/home", test_dir);
	snprintf(test_session, sizeof test_session, "%s/session", test_dir);
	if (mkdir(test_home, 0700) == -1 || mkdir(test_session, 0700) == -1)
		return -1;
	return geteuid() != 0 ||
		(chown(test_home, TEST_NOBODY, TEST_NOBODY) == 0 &&
		    chown(test_session, TEST_NOBODY, TEST_NOBODY) == 0)
	    ? 0
	    : -1;
}

static int
test_remove_all(void **state)
{
	(void)state;
	test_remove(test_session, "/crier/queue.sock");
	test_remove(test_session, "/crier");
	test_remove(test_session, "");
	test_remove(test_home, "/.crier/queue.sock");
	test_remove(test_home, "/.crier");
	test_remove(test_home, "");
	test_remove(test_dir, "");
	return 0;
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_make, test_remove_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_session_dir),
		TEST(test_given),
		TEST(test_existing),
		TEST(test_other_home),
		TEST(test_make_home),
		TEST(test_root),
		TEST(test_beside),
		TEST(test_find_program),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
