/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/* Programs, their output and their ends. */

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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/process.h"
#include "lib/scripts.h"
#include "lib/support.h"

enum {
	TEST_PIPE = 65536 / 2, /* lines in a pipe */
	TEST_PROGRAMS = 60,
	TEST_ROUNDS = 20
};

static struct scripts test;

static int
test_setup(void **state)
{
	(void)state;
	scripts_setup(&test);
	return 0;
}

static int
test_teardown(void **state)
{
	(void)state;
	scripts_teardown(&test);
	return 0;
}

static void
test_output(void **state)
{
	static const struct script_options raw = { .is_raw = true };

	(void)state;
	scripts_check(&test, "echo one; echo two", NULL,
	    "data: one\n\ndata: two\n\n", 0);
	scripts_check(&test, "printf 'no end'", NULL, "data: no end\n\n", 0);
	scripts_check(&test, ":", NULL, "", 0);
	scripts_check(&test,
	    "printf 'a\\377\\n{\"data\":\"b\",\"event\":\"e\"}\\r\\n'", NULL,
	    "event: e\ndata: b\n\n", 0);
	scripts_check(&test, "printf 'data: a\\n\\ndata: cut'", &raw,
	    "data: a\n\ndata: cut\n\n", 0);
	scripts_check(&test, "echo a; exit 7", NULL, "data: a\n\n", 7);
	/* It goes on when its output has ended. */
	scripts_check(&test, "echo a; exec >&-; sleep 0.05; exit 3", NULL,
	    "data: a\n\n", 3);
}

static void
test_long_lines(void **state)
{
	static const struct script_options o = { .max_line = 10 };

	(void)state;
	scripts_check(&test,
	    "echo 1234567890; echo 12345678901; "
	    "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next",
	    &o, "data: 1234567890\n\ndata: next\n\n", 0);
}

/* Standard input has an end, and all before it. */
static void
test_body(void **state)
{
	static const struct script_options o = { .body = "the body\nmore" };
	static char large[1000001];
	const struct script_options l = { .body = large };

	(void)state;
	scripts_check(&test, "cat", &o, "data: the body\n\ndata: more\n\n", 0);
	scripts_check(&test, "cat; echo $?", NULL, "data: 0\n\n", 0);
	memset(large, 'x', sizeof large - 1);
	scripts_check(&test, "wc -c | tr -d ' '", &l, "data: 1000000\n\n", 0);
	/* One that does not read it. */
	scripts_check(&test, ":", &l, "", 0);
}

static void
test_signalled(void **state)
{
	struct script p;

	(void)state;
	scripts_start(&test, &p, "echo a; kill -9 $$", NULL);
	scripts_finish(&test, &p);
	assert_string_equal(p.text.data, "data: a\n\n");
	assert_int_equal(p.result.signal, SIGKILL);
	assert_false(p.result.is_cut);
	scripts_clear(&p);
}

/* It has nothing of ours but what it is given. */
static void
test_inheritance(void **state)
{
	int leaked = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t blocked, before;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	setenv("LISTEN_FDS", "1", 1);
	/* ls has one more open, the directory itself; valgrind has a log. */
	if (!support_is_valgrind())
		scripts_check(&test, "ls /proc/self/fd | tr '\\n' ' '", NULL,
		    "data: 0 1 2 3 \n\n", 0);
	scripts_check(&test, "env | grep -c -e NOTIFY -e LISTEN", NULL,
	    "data: 0\n\n", 1);
	/* Signals up to 28; glibc has two of its own. */
	scripts_check(&test,
	    "grep -e SigBlk -e SigIgn /proc/self/status | grep -c '0000000$'",
	    NULL, "data: 2\n\n", 0);
	/* A group of its own. */
	scripts_check(&test, "test $(ps -o pgid= -p $$) = $$; echo $?", NULL,
	    "data: 0\n\n", 0);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(leaked);
}

static void
test_standard_error(void **state)
{
	struct script p;
	char *log;

	(void)state;
	scripts_catch_log();
	scripts_start(&test, &p,
	    "echo first >&2; printf '\\033[1m' >&2; echo >&2; echo out; "
	    "head -c 3000 /dev/zero | tr '\\0' y >&2; printf 'last' >&2; exit 1",
	    NULL);
	scripts_finish(&test, &p);
	log = scripts_log();
	assert_string_equal(p.text.data, "data: out\n\n");
	assert_non_null(strstr(log, "run test: first\n"));
	assert_non_null(strstr(log, "run test: \\x1b[1m\n"));
	assert_non_null(strstr(log, "yyylast\n"));
	free(log);
	scripts_clear(&p);
}

/* What it says as it ends is read, whichever comes to be known first. */
static void
test_last_words(void **state)
{
	struct script p;
	siginfo_t info;
	char *log;

	(void)state;
	scripts_catch_log();
	scripts_start(&test, &p,
	    "echo out; seq 1 500 >&2; echo why >&2; exit 1", NULL);
	/* All of it is there before the loop looks. */
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	scripts_finish(&test, &p);
	log = scripts_log();
	assert_string_equal(p.text.data, "data: out\n\n");
	assert_non_null(strstr(log, "run test: why\n"));
	free(log);
	scripts_clear(&p);
}

/* Nobody reads: it waits, as its pipe does, and goes on with who reads. */
static void
test_unread(void **state)
{
	struct script p, other;
	unsigned ready;

	(void)state;
	scripts_start(&test, &p, "seq 1 60000", NULL);
	p.is_unread = true;
	while (p.ready == 0)
		event_base_loop(test.base, EVLOOP_ONCE);
	ready = p.ready;
	scripts_start(&test, &other, "echo a", NULL);
	scripts_finish(&test, &other);
	scripts_turn(&test);
	assert_int_equal(p.ready, ready);
	assert_int_equal(p.text.len, 0);
	p.is_unread = false;
	assert_int_equal(program_take(p.program, &p.text, &p.events), 1);
	scripts_finish(&test, &p);
	/* "data: ", a number, two line ends. */
	assert_int_equal(p.text.len - 1,
	    60000 * 8 + 9 + 90 * 2 + 900 * 3 + 9000 * 4 + 50001 * 5);
	scripts_clear(&p);
	scripts_clear(&other);
}

/* Whatever it had printed before it ended is there to be taken later. */
static void
test_unread_end(void **state)
{
	struct script p;

	(void)state;
	scripts_start(&test, &p, "seq 1 10000", NULL);
	p.is_unread = true;
	while (!program_get_result(p.program, &p.result))
		event_base_loop(test.base, EVLOOP_ONCE);
	p.is_unread = false;
	assert_int_equal(program_take(p.program, &p.text, &p.events), 1);
	while (program_take(p.program, &p.text, &p.events) == 1)
		;
	p.is_over = true;
	scripts_finish(&test, &p);
	assert_non_null(strstr(p.text.data, "data: 10000\n\n"));
	scripts_clear(&p);
}

/* Its client leaves: the whole group is asked to end. */
static void
test_leave(void **state)
{
	struct script p;

	(void)state;
	scripts_start(&test, &p,
	    "trap 'exit 0' TERM; echo a; while :; do sleep 0.01; done", NULL);
	while (p.text.len == 0)
		event_base_loop(test.base, EVLOOP_ONCE);
	program_leave(p.program);
	scripts_await_count(&test, 0);
	scripts_clear(&p);
}

/* A number that a script has printed. */
static pid_t
test_pid(struct script *p)
{
	long pid;

	while (p->text.len == 0)
		event_base_loop(test.base, EVLOOP_ONCE);
	assert_int_equal(buffer_append(&p->text, "", 1), 0);
	pid = strtol(p->text.data + sizeof "data:", NULL, 10);
	assert_true(pid > 1);
	return (pid_t)pid;
}

/* Whether it is gone, or a zombie that is init's. */
static bool
test_is_gone(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *fp;
	const char *state;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if ((fp = fopen(path, "r")) == NULL)
		return true;
	if (fgets(text, sizeof text, fp) == NULL)
		text[0] = '\0';
	fclose(fp);
	state = strrchr(text, ')');
	return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

static void
test_await_gone(pid_t pid)
{
	uint64_t until = clock_monotonic_ms() + SCRIPTS_WAIT_MS;

	while (!test_is_gone(pid)) {
		assert_true(clock_monotonic_ms() < until);
		scripts_turn(&test);
	}
}

/* One that does not listen is killed, and all of its group. */
static void
test_stubborn(void **state)
{
	struct script p;
	uint64_t begun;
	pid_t child;

	(void)state;
	scripts_start(&test, &p,
	    "trap '' TERM; sleep 1000 & echo $!; exec >&-; "
	    "while :; do wait; done",
	    NULL);
	child = test_pid(&p);
	begun = clock_monotonic_ms();
	program_leave(p.program);
	scripts_turn(&test);
	assert_int_equal(programs_count(test.programs), 1);
	scripts_await_count(&test, 0);
	/* Not before its time. */
	assert_true(clock_monotonic_ms() - begun >= 4900);
	test_await_gone(child);
	scripts_clear(&p);
}

/* It has ended, and its child still has its output, and fills it. */
static void
test_background(void **state)
{
	struct script p;
	pid_t child;

	(void)state;
	scripts_start(&test, &p, "echo a; sleep 1000 & echo $! >&1; exit 4",
	    NULL);
	scripts_finish(&test, &p);
	assert_int_equal(p.result.status, 4);
	assert_non_null(strstr(p.text.data, "data: a\n\n"));
	child = (pid_t)strtol(p.text.data + sizeof "data: a\n\ndata:" - 1, NULL,
	    10);
	test_await_gone(child);
	scripts_clear(&p);
	/* No more than its pipe held is taken, however fast it is filled. */
	scripts_start(&test, &p,
	    "for i in 1 2 3 4 5 6; do yes x & yes y >&2 & done; "
	    "sleep 0.05; exit 5",
	    NULL);
	p.is_unread = true;
	while (!program_get_result(p.program, &p.result))
		event_base_loop(test.base, EVLOOP_ONCE);
	while (program_take(p.program, &p.text, &p.events) == 1)
		;
	assert_true(p.text.len < sizeof "data: x\n\n" * TEST_PIPE * 3);
	assert_int_equal(p.result.status, 5);
	program_leave(p.program);
	scripts_clear(&p);
}

/* Of one that leaves its group, too, nothing is left. */
static void
test_own_group(void **state)
{
	static const char script[] =
	    "exec perl -e 'setpgrp(0, getpgrp(getppid)) or die; $| = 1; print \"$$\\n\"; "
	    "sleep 1000'";
	struct script p;
	pid_t pid;

	(void)state;
	if (access("/usr/bin/perl", X_OK) == -1)
		return;
	scripts_start(&test, &p, script, NULL);
	pid = test_pid(&p);
	program_leave(p.program);
	scripts_await_count(&test, 0);
	test_await_gone(pid);
	scripts_clear(&p);
	/* At the end of all, as well. */
	scripts_start(&test, &p, script, NULL);
	pid = test_pid(&p);
	programs_free(test.programs);
	test_await_gone(pid);
	test.programs = programs_new(test.base);
	scripts_clear(&p);
}

/* Beyond its measure it is stopped, even if it does not want to. */
static void
test_max_bytes(void **state)
{
	static const struct script_options few = { .max_bytes = 100 };
	struct script p;

	(void)state;
	/* So much is good. */
	scripts_check(&test, "head -c 99 /dev/zero | tr '\\0' '\\n' | wc -l",
	    &few, "data: 99\n\n", 0);
	scripts_start(&test, &p, "seq 1 1000000", &few);
	scripts_finish(&test, &p);
	assert_true(p.result.is_cut);
	scripts_clear(&p);
	scripts_start(&test, &p,
	    "trap '' TERM PIPE; seq 1 1000; while :; do sleep 1; done", &few);
	scripts_finish(&test, &p);
	assert_true(p.result.is_cut);
	assert_int_equal(p.result.signal, SIGKILL);
	scripts_clear(&p);
}

static void
test_refused(const char *path, const char *why)
{
	char name[64], *argv[] = { name, NULL }, *env[] = { NULL };
	struct program_options o = {
		.name = "test", .argv = argv, .envp = env, .max_line = 100
	};

	snprintf(name, sizeof name, "%s", path);
	errno = 0;
	assert_null(program_start(test.programs, &o, NULL, NULL));
	assert_string_equal(strerror(errno), why);
	assert_int_equal(programs_count(test.programs), 0);
}

static void
test_cannot_start(void **state)
{
	(void)state;
	if (support_is_valgrind())
		return;
	test_refused("/no/such/program", "No such file or directory");
	test_refused("/tmp", "Permission denied");
	test_refused("/etc/passwd", "Permission denied");
}

/* Many, of which half are left, over and over: nothing is left of them. */
static void
test_many(void **state)
{
	struct script programs[TEST_PROGRAMS];
	int round, i;

	(void)state;
	for (round = 0; round < TEST_ROUNDS; round++) {
		for (i = 0; i < TEST_PROGRAMS; i++)
			scripts_start(&test, &programs[i],
			    i % 3 == 0 ? "exec sleep 1000" : "echo a", NULL);
		for (i = 0; i < TEST_PROGRAMS; i++) {
			if (i % 3 == 0) {
				program_leave(programs[i].program);
			} else {
				scripts_finish(&test, &programs[i]);
				assert_string_equal(programs[i].text.data,
				    "data: a\n\n");
			}
			scripts_clear(&programs[i]);
		}
		scripts_await_count(&test, 0);
	}
}

/* Those that are there when all is given up end at once. */
static void
test_freed(void **state)
{
	struct script p, left;
	pid_t pid;

	(void)state;
	scripts_start(&test, &p, "trap '' TERM; echo $$; sleep 1000", NULL);
	pid = test_pid(&p);
	scripts_start(&test, &left, "trap '' TERM; sleep 1000", NULL);
	program_leave(left.program);
	programs_free(test.programs);
	test_await_gone(pid);
	test.programs = programs_new(test.base);
	programs_free(NULL);
	scripts_clear(&p);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

/* What crierd changes for itself is not for its programs. */
static void
test_start(void **state)
{
	struct rlimit before, low;
	mode_t mask = umask(0027);

	(void)state;
	if (support_is_valgrind()) { /* which has limits of its own */
		umask(mask);
		return;
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 250;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(process_raise_descriptors() > 250);
	process_set_mask(0007);
	scripts_check(&test, "ulimit -S -n; umask", NULL,
	    "data: 250\n\ndata: 0027\n\n", 0);
	assert_int_equal(umask(mask), 0007);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_output),
		TEST(test_long_lines),
		TEST(test_body),
		TEST(test_signalled),
		TEST(test_inheritance),
		TEST(test_standard_error),
		TEST(test_last_words),
		TEST(test_unread),
		TEST(test_unread_end),
		TEST(test_leave),
		TEST(test_stubborn),
		TEST(test_background),
		TEST(test_own_group),
		TEST(test_max_bytes),
		TEST(test_cannot_start),
		TEST(test_many),
		TEST(test_freed),
		TEST(test_start),
	};

	/* Whatever the test was started with. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
