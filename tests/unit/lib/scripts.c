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
#include "scripts.h"

enum {
	SCRIPTS_LINE = 65536,
	SCRIPTS_TURN_US = 20000
};

static int scripts_stderr = -1;

void
scripts_setup(struct scripts *p)
{
	memset(p, 0, sizeof *p);
	signal(SIGPIPE, SIG_IGN);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	p->descriptors = handing_descriptors();
	p->base = event_base_new();
	assert_non_null(p->base);
	p->programs = programs_new(p->base);
	assert_non_null(p->programs);
}

void
scripts_teardown(struct scripts *p)
{
	assert_int_equal(programs_count(p->programs), 0);
	programs_free(p->programs);
	event_base_free(p->base);
	/* No zombie either. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(handing_descriptors(), p->descriptors);
}

static void
scripts_ready_cb(void *arg)
{
	struct script *p = arg;
	int got = 1;

	p->ready++;
	while (!p->is_unread && got == 1)
		got = program_take(p->program, &p->text, &p->events);
	if (got != -1)
		return;
	p->is_over = true;
	if (!p->is_left)
		return;
	assert_true(program_get_result(p->program, &p->result));
	program_leave(p->program);
	p->program = NULL;
}

void
scripts_start(struct scripts *p, struct script *script, const char *text,
    const struct script_options *options)
{
	static const struct script_options usual;
	const struct script_options *o = options == NULL ? &usual : options;
	char shell[] = "/bin/sh", flag[] = "-c", *copy = strdup(text);
	char path[] = "PATH=/usr/bin:/bin", *env[] = { path, NULL };
	char *argv[] = { shell, flag, copy, NULL };
	struct program_options program = { .name = "test",
		.argv = argv,
		.envp = env,
		.body = { o->body, o->body == NULL ? 0 : strlen(o->body) },
		.is_raw = o->is_raw,
		.max_line = o->max_line == 0 ? SCRIPTS_LINE : o->max_line,
		.max_bytes = o->max_bytes };

	memset(script, 0, sizeof *script);
	script->program =
	    program_start(p->programs, &program, scripts_ready_cb, script);
	if (script->program == NULL)
		fail_msg("%s", strerror(errno));
	free(copy);
}

void
scripts_await(struct scripts *p, const bool *flag)
{
	static const struct timeval turn = { .tv_usec = SCRIPTS_TURN_US };
	uint64_t until = clock_monotonic_ms() + SCRIPTS_WAIT_MS;

	while (!*flag) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(p->base, &turn);
		event_base_dispatch(p->base);
	}
}

void
scripts_await_count(struct scripts *p, size_t count)
{
	static const struct timeval turn = { .tv_usec = SCRIPTS_TURN_US };
	uint64_t until = clock_monotonic_ms() + SCRIPTS_WAIT_MS;

	while (programs_count(p->programs) != count) {
		assert_true(clock_monotonic_ms() < until);
		event_base_loopexit(p->base, &turn);
		event_base_dispatch(p->base);
	}
}

void
scripts_turn(struct scripts *p)
{
	int i;

	for (i = 0; i < 20; i++)
		event_base_loop(p->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
scripts_finish(struct scripts *p, struct script *script)
{
	script->is_left = script->is_left || !script->is_over;
	scripts_await(p, &script->is_over);
	if (script->program != NULL) {
		assert_true(program_get_result(script->program,
		    &script->result));
		program_leave(script->program);
		script->program = NULL;
	}
	assert_int_equal(buffer_append(&script->text, "", 1), 0);
}

void
scripts_clear(struct script *script)
{
	buffer_clear(&script->text);
}

void
scripts_check(struct scripts *p, const char *text,
    const struct script_options *o, const char *want, int status)
{
	struct script script;

	scripts_start(p, &script, text, o);
	scripts_finish(p, &script);
	assert_string_equal(script.text.data, want);
	assert_int_equal(script.result.status, status);
	assert_int_equal(script.result.signal, 0);
	assert_true(script.result.seconds >= 0);
	scripts_clear(&script);
}

void
scripts_catch_log(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	fflush(stderr);
	scripts_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(fd != -1 && scripts_stderr != -1);
	assert_int_not_equal(dup2(fd, STDERR_FILENO), -1);
	close(fd);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_INFO);
}

char *
scripts_log(void)
{
	char *text = calloc(1, SCRIPTS_LINE);
	ssize_t n;

	assert_non_null(text);
	n = pread(STDERR_FILENO, text, SCRIPTS_LINE - 1, 0);
	assert_true(n >= 0);
	assert_int_not_equal(dup2(scripts_stderr, STDERR_FILENO), -1);
	close(scripts_stderr);
	log_open(LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	return text;
}
