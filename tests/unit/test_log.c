/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

#include "base/log.h"
#include "base/text.h"

static char test_lines[65536];
static size_t test_len;

/* Runs what with standard error in a pipe, and keeps what it wrote. */
static int
test_capture(void (*what)(void))
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		what();
		_exit(0);
	}
	close(fds[1]);
	test_len = 0;
	while ((n = read(fds[0], test_lines + test_len,
		    sizeof test_lines - 1 - test_len)) > 0)
		test_len += (size_t)n;
	test_lines[test_len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What follows the time and the process in the n-th line. */
static const char *
test_line(unsigned n)
{
	static char line[8192];
	char *p = test_lines, *end;
	int year, month, day, hour, minute, second, at = 0;
	long pid;

	for (; n > 0; n--) {
		p = strchr(p, '\n');
		assert_non_null(p);
		p++;
	}
	end = strchr(p, '\n');
	assert_non_null(end);
	assert_true((size_t)(end - p) < sizeof line);
	memcpy(line, p, (size_t)(end - p));
	line[end - p] = '\0';
	assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2dZ crierd[%ld] %n",
			     &year, &month, &day, &hour, &minute, &second, &pid,
			     &at),
	    7);
	assert_true(at > 0);
	return line + at;
}

static unsigned
test_count(void)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < test_len; i++)
		n += test_lines[i] == '\n';
	return n;
}

static void
test_say_all(void)
{
	log_error("an %s", "error");
	log_warning("a %s", "warning");
	log_info("an %s", "info");
	log_debug("a %s", "debug");
}

static void
test_at_error(void)
{
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	test_say_all();
}

static void
test_at_warning(void)
{
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_WARNING);
	test_say_all();
}

static void
test_at_debug(void)
{
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	test_say_all();
}

static void
test_to_syslog(void)
{
	log_open(LOG_TARGET_SYSLOG, LOG_LEVEL_DEBUG);
	test_say_all();
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_DEBUG);
	log_info("back");
}

static void
test_levels(void **state)
{
	static const struct {
		void (*what)(void);
		unsigned lines;
	} cases[] = { { test_at_error, 1 }, { test_at_warning, 2 },
		{ test_say_all, 3 }, { test_at_debug, 4 } };
	static const char *const want[] = { "error: an error",
		"warning: a warning", "info: an info", "debug: a debug" };
	size_t i;
	unsigned n;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(test_capture(cases[i].what), 0);
		assert_int_equal(test_count(), cases[i].lines);
		for (n = 0; n < cases[i].lines; n++)
			assert_string_equal(test_line(n), want[n]);
	}
	/* Nothing of it comes to standard error. */
	assert_int_equal(test_capture(test_to_syslog), 0);
	assert_int_equal(test_count(), 1);
	assert_string_equal(test_line(0), "info: back");
}

static void
test_wants(void **state)
{
	int level, line;

	(void)state;
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_open(LOG_TARGET_STDERR, (enum log_level)level);
		for (line = LOG_LEVEL_ERROR; line <= LOG_LEVEL_DEBUG; line++)
			assert_int_equal(!!log_wants((enum log_level)line),
			    line <= level);
	}
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
}

static void
test_say_hostile(void)
{
	log_info("user=%s",
	    "x\n2026-01-01T00:00:00Z crierd[1] error: forged\r\x1b[2J\xff\\");
}

static void
test_hostile(void **state)
{
	(void)state;
	assert_int_equal(test_capture(test_say_hostile), 0);
	assert_int_equal(test_count(), 1);
	assert_string_equal(test_line(0),
	    "info: user=x\\x0a2026-01-01T00:00:00Z crierd[1] error: forged"
	    "\\x0d\\x1b[2J\\xff\\x5c");
}

static void
test_say_long(void)
{
	static char text[20000];

	memset(text, 'a', sizeof text - 1);
	log_info("%s", text);
	memset(text, '\n', sizeof text - 1);
	log_info("%s", text);
	/* Cut within a character. */
	memset(text, '\xe2', sizeof text - 1);
	log_info("%s", text);
	log_info("last");
}

static void
test_long(void **state)
{
	const char *line;
	unsigned n;

	(void)state;
	assert_int_equal(test_capture(test_say_long), 0);
	assert_int_equal(test_count(), 4);
	for (n = 0; n < 3; n++) {
		line = test_line(n);
		assert_true(strlen(line) > 4000);
		assert_true(strlen(line) < 4200);
		assert_true(text_is_utf8(line, strlen(line)));
	}
	assert_string_equal(test_line(3), "info: last");
}

static void
test_say_fatal(void)
{
	log_fatal("cannot go on: %d", 5);
}

static void
test_fatal(void **state)
{
	(void)state;
	assert_int_equal(test_capture(test_say_fatal), 1);
	assert_int_equal(test_count(), 1);
	assert_string_equal(test_line(0), "error: cannot go on: 5");
}

static void
test_limit(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	assert_true(log_limit_pass(&limit, 5));
	assert_false(log_limit_pass(&limit, 5));
	assert_false(log_limit_pass(&limit, 10004));
	assert_true(log_limit_pass(&limit, 10005));
	assert_false(log_limit_pass(&limit, 10006));
	assert_true(log_limit_pass(&limit, UINT64_MAX));
}

enum {
	TEST_FILE_MAX = 1000,
	TEST_FILE_LINES = 100
};

static char test_file[64], test_file_old[72];

static off_t
test_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : st.st_size;
}

/* In a child: standard error is the file, and gets many lines. */
static void
test_fill(void)
{
	int fd =
	    open(test_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int i;

	dup2(fd, STDERR_FILENO);
	log_set_file(test_file, TEST_FILE_MAX);
	for (i = 0; i < TEST_FILE_LINES; i++)
		log_info("line %d", i);
	_exit(log_file_bytes() == (uint64_t)test_size(test_file) ? 0 : 1);
}

/* The system's limit is below ours: lines are lost, and nobody ends. */
static void
test_fill_limited(void)
{
	const struct rlimit limit = { TEST_FILE_MAX / 2, TEST_FILE_MAX / 2 };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	test_fill();
}

static void
test_file_make(char *dir)
{
	assert_non_null(mkdtemp(dir));
	snprintf(test_file, sizeof test_file, "%s/log", dir);
	snprintf(test_file_old, sizeof test_file_old, "%s.1", test_file);
}

static void
test_file_bound(void **state)
{
	char dir[] = "/tmp/crier-log-XXXXXX";

	(void)state;
	test_file_make(dir);
	assert_int_equal(test_capture(test_fill), 0);
	assert_in_range(test_size(test_file), 1, TEST_FILE_MAX);
	assert_in_range(test_size(test_file_old), TEST_FILE_MAX / 2,
	    TEST_FILE_MAX);
	unlink(test_file);
	unlink(test_file_old);
	assert_int_equal(test_capture(test_fill_limited), 0);
	assert_in_range(test_size(test_file), 1, TEST_FILE_MAX / 2);
	unlink(test_file);
	unlink(test_file_old);
	rmdir(dir);
}

/* The name for the older file is a directory's: the file is emptied. */
static void
test_file_stuck(void **state)
{
	char dir[] = "/tmp/crier-log-XXXXXX";

	(void)state;
	test_file_make(dir);
	assert_int_equal(mkdir(test_file_old, 0700), 0);
	assert_int_equal(test_capture(test_fill), 0);
	assert_in_range(test_size(test_file), 1, TEST_FILE_MAX);
	rmdir(test_file_old);
	unlink(test_file);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_wants),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_file_bound),
		cmocka_unit_test(test_file_stuck),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
