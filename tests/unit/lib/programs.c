/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "handing.h"
#include "programs.h"

enum {
	PROGRAMS_LINE = 65536,
	PROGRAMS_TURN_US = 20000
};

static int programs_stderr = -1;

void
programs_setup(struct programs *p)
{
	memset(p, 0, sizeof *p);
	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	p->descriptors = handing_descriptors();
	p->base = event_base_new();
	assert_non_null(p->base);
	p->runs = runs_new(p->base);
	assert_non_null(p->runs);
}

void
programs_teardown(struct programs *p)
{
	assert_int_equal(runs_count(p->runs), 0);
	runs_free(p->runs);
	event_base_free(p->base);
	/* No zombie either. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(handing_descriptors(), p->descriptors);
}

static void
programs_ready_cb(void *arg)
{
	struct program *p = arg;
	int got = 1;

	p->ready++;
	while (!p->is_unread && got == 1)
		got = run_take(p->run, &p->text);
	if (got != -1)
		return;
	p->is_over = true;
	if (!p->is_left)
		return;
	assert_true(run_get_result(p->run, &p->result));
	run_leave(p->run);
	p->run = NULL;
}

void
programs_start(struct programs *p, struct program *program, const char *script,
    const struct program_options *options)
{
	static const struct program_options usual;
	const struct program_options *o = options == NULL ? &usual : options;
	char shell[] = "/bin/sh", flag[] = "-c", *text = strdup(script);
	char path[] = "PATH=/usr/bin:/bin", *env[] = { path, NULL };
	char *argv[] = { shell, flag, text, NULL };
	struct run_options run = { .name = "test",
		.argv = argv,
		.envp = env,
		.body = { o->body, o->body == NULL ? 0 : strlen(o->body) },
		.is_raw = o->is_raw,
		.max_line = o->max_line == 0 ? PROGRAMS_LINE : o->max_line,
		.max_bytes = o->max_bytes };
	char *cause;

	memset(program, 0, sizeof *program);
	program->run =
	    run_start(p->runs, &run, programs_ready_cb, program, &cause);
	if (program->run == NULL)
		fail_msg("%s", cause);
	free(text);
}

void
programs_await(struct programs *p, const bool *flag)
{
	static const struct timeval turn = { .tv_usec = PROGRAMS_TURN_US };
	uint64_t until = clock_monotonic_ms() + PROGRAMS_WAIT_MS;

	while (!*flag) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(p->base, &turn);
		event_base_dispatch(p->base);
	}
}

void
programs_await_count(struct programs *p, size_t count)
{
	static const struct timeval turn = { .tv_usec = PROGRAMS_TURN_US };
	uint64_t until = clock_monotonic_ms() + PROGRAMS_WAIT_MS;

	while (runs_count(p->runs) != count) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(p->base, &turn);
		event_base_dispatch(p->base);
	}
}

void
programs_turn(struct programs *p)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(p->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
programs_finish(struct programs *p, struct program *program)
{
	program->is_left = program->is_left || !program->is_over;
	programs_await(p, &program->is_over);
	if (program->run != NULL) {
		assert_true(run_get_result(program->run, &program->result));
		run_leave(program->run);
		program->run = NULL;
	}
	assert_int_equal(buffer_append(&program->text, "", 1), 0);
}

void
programs_clear(struct program *program)
{
	buffer_clear(&program->text);
}

void
programs_check(struct programs *p, const char *script,
    const struct program_options *o, const char *want, int status)
{
	struct program program;

	programs_start(p, &program, script, o);
	programs_finish(p, &program);
	assert_string_equal(program.text.data, want);
	assert_int_equal(program.result.status, status);
	assert_int_equal(program.result.signal, 0);
	assert_true(program.result.seconds >= 0);
	programs_clear(&program);
}

void
programs_catch_log(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	fflush(stderr);
	programs_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(fd != -1 && programs_stderr != -1);
	assert_int_not_equal(dup2(fd, STDERR_FILENO), -1);
	close(fd);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
}

char *
programs_log(void)
{
	char *text = calloc(1, PROGRAMS_LINE);
	ssize_t n;

	assert_non_null(text);
	n = pread(STDERR_FILENO, text, PROGRAMS_LINE - 1, 0);
	assert_true(n >= 0);
	assert_int_not_equal(dup2(programs_stderr, STDERR_FILENO), -1);
	close(programs_stderr);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	return text;
}
