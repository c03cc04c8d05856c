/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "protocol/command.h"
#include "source/program.h"
#include "source/program_output.h"

enum {
	RUN_READ_BYTES = 65536,
	RUN_GRACE_S = 5, /* between SIGTERM and SIGKILL */
	RUN_LOG_LINE = 1024
};

struct run {
	TAILQ_ENTRY(run) link;
	struct runs *runs;
	pid_t pid; /* and process group */
	int out_fd, err_fd;
	struct event *out_io, *err_io, *grace;
	struct printed printed;
	struct buffer err;
	char *name;
	bool is_cut;
	bool has_ended;   /* the program; its exit is known */
	bool is_reported; /* run_take has said so */
	bool is_left;     /* by its client */
	int left;         /* bytes of its output, when it ended */
	uint64_t max_bytes, bytes;
	uint64_t started_ms;
	struct run_result result;
	void (*ready_cb)(void *);
	void *arg;
};

struct runs {
	struct event_base *base;
	struct event *child;
	struct json_tokener *tokener;
	TAILQ_HEAD(runs_head, run) list;
	size_t count;
	void (*ended_cb)(void *); /* or NULL */
	void *ended_arg;
};

static void
run_close(struct event **io, int *fd)
{
	if (*io != NULL)
		event_free(*io);
	if (*fd != -1)
		close(*fd);
	*io = NULL;
	*fd = -1;
}

static int
run_left(int fd)
{
	int left = 0;

	return fd == -1 || ioctl(fd, FIONREAD, &left) == -1 ? 0 : left;
}

/*
 * The group goes with its program, which may have left it.  As long as that is
 * not reaped its number cannot be another's.
 */
static void
run_signal(const struct run *r, int number)
{
	kill(-r->pid, number);
	if (getpgid(r->pid) != r->pid)
		kill(r->pid, number);
}

/* One that may not be killed, for it has another user, is not waited for. */
static void
run_reap(const struct run *r)
{
	bool is_ending;

	run_signal(r, SIGKILL);
	is_ending = r->has_ended || kill(r->pid, 0) == 0;
	while (waitpid(r->pid, NULL, is_ending ? 0 : WNOHANG) == -1 &&
	    errno == EINTR)
		;
}

static void
run_log_lines(struct run *r, bool is_end)
{
	const char *end;
	size_t len;

	while (r->err.len > 0) {
		end = memchr(r->err.data, '\n', r->err.len);
		len = end == NULL ? r->err.len : (size_t)(end - r->err.data);
		if (end == NULL && !is_end && len < RUN_LOG_LINE)
			return;
		if (len > RUN_LOG_LINE)
			len = RUN_LOG_LINE;
		log_info("run %s: %.*s", r->name, (int)len, r->err.data);
		buffer_consume(&r->err,
		    len + (end == r->err.data + len ? 1 : 0));
	}
}

/* As read(2): one for whom there is no memory says no more. */
static ssize_t
run_read_err(struct run *r)
{
	char *at = buffer_reserve(&r->err, RUN_LOG_LINE);
	ssize_t n = at == NULL ? 0 : read(r->err_fd, at, RUN_LOG_LINE);

	if (n > 0)
		buffer_commit(&r->err, (size_t)n);
	return n;
}

/* Its last words are the ones that say why it ended. */
static void
run_log_rest(struct run *r)
{
	int left = run_left(r->err_fd);

	while (left > 0 && r->err_fd != -1 && run_read_err(r) > 0)
		left -= RUN_LOG_LINE;
	run_log_lines(r, true);
}

static void
run_free(struct run *r)
{
	struct runs *runs = r->runs;

	if (r->pid > 0)
		run_reap(r);
	run_log_rest(r);
	TAILQ_REMOVE(&runs->list, r, link);
	runs->count--;
	run_close(&r->out_io, &r->out_fd);
	run_close(&r->err_io, &r->err_fd);
	if (r->grace != NULL)
		event_free(r->grace);
	printed_clear(&r->printed);
	buffer_clear(&r->err);
	free(r->name);
	free(r);
	if (runs->count == 0 && runs->ended_cb != NULL)
		runs->ended_cb(runs->ended_arg);
}

static void
run_stop_reading(struct run *r)
{
	run_close(&r->out_io, &r->out_fd);
}

/* Asked to end, then made to. */
static int
run_end(struct run *r)
{
	static const struct timeval grace = { .tv_sec = RUN_GRACE_S };

	if (event_add(r->grace, &grace) == -1)
		return -1;
	run_signal(r, SIGTERM);
	return 0;
}

static void
run_cut(struct run *r)
{
	log_warning("run %s: stopped, for it wrote more than run-bytes",
	    r->name);
	r->is_cut = true;
	run_stop_reading(r);
	if (!r->has_ended && run_end(r) == -1)
		run_signal(r, SIGKILL);
}

/* What was read is made ready; false when there is no more for now. */
static bool
run_read(struct run *r)
{
	struct buffer *to = &r->printed.in;
	char *at = buffer_reserve(to, RUN_READ_BYTES);
	ssize_t n = -1;

	if (r->out_fd == -1)
		return false;
	if (at != NULL)
		n = read(r->out_fd, at, RUN_READ_BYTES);
	if (n == -1 && at != NULL && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		run_stop_reading(r);
		return false;
	}
	buffer_commit(to, (size_t)n);
	r->bytes += (uint64_t)n;
	if (printed_take(&r->printed, false) == -1)
		run_stop_reading(r);
	if (r->max_bytes > 0 && r->bytes > r->max_bytes)
		run_cut(r);
	return true;
}

/*
 * It has ended, and so has its output, whoever else still has it open and
 * writes: what is there by now is taken, and no more.
 */
static void
run_finish(struct run *r)
{
	int left = r->left;

	for (; left > 0 && run_read(r); left -= RUN_READ_BYTES)
		;
	if (!r->is_cut)
		printed_take(&r->printed, true);
	run_stop_reading(r);
}

static void
run_out_cb(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)fd;
	(void)what;
	run_read(r);
	if (r->printed.out.len == 0)
		return;
	/* Until it is taken. */
	if (r->out_io != NULL)
		event_del(r->out_io);
	r->ready_cb(r->arg);
}

static void
run_err_cb(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	ssize_t n = run_read_err(r);

	(void)fd;
	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	run_log_lines(r, n <= 0);
	if (n <= 0)
		run_close(&r->err_io, &r->err_fd);
}

/* Nothing that it leaves behind goes on, or is waited for. */
static void
run_end_output(struct run *r)
{
	run_signal(r, SIGKILL);
	r->left = run_left(r->out_fd);
	if (r->out_io != NULL)
		event_del(r->out_io);
}

/* Its exit, without giving up its number. */
static void
run_look(struct run *r)
{
	siginfo_t info = { 0 };

	if (r->has_ended ||
	    waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		-1 ||
	    info.si_pid == 0)
		return;
	r->has_ended = true;
	run_end_output(r);
	if (info.si_code == CLD_EXITED)
		r->result.status = info.si_status;
	else
		r->result.signal = info.si_status;
	r->result.seconds =
	    (double)(clock_monotonic_ms() - r->started_ms) / 1000;
}

static void
runs_child_cb(evutil_socket_t number, short what, void *arg)
{
	struct runs *runs = arg;
	struct run *r, *next;

	(void)number;
	(void)what;
	TAILQ_FOREACH_SAFE(r, &runs->list, link, next) {
		if (r->has_ended)
			continue;
		run_look(r);
		if (!r->has_ended)
			continue;
		if (r->is_left)
			run_free(r);
		else
			r->ready_cb(r->arg);
	}
}

static void
run_grace_cb(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;

	(void)fd;
	(void)what;
	run_signal(r, SIGKILL);
}

void
run_leave(struct run *r)
{
	r->is_left = true;
	run_stop_reading(r);
	if (r->has_ended || run_end(r) == -1)
		run_free(r);
}

int
run_take(struct run *r, struct buffer *to)
{
	int rc;

	if (r->printed.out.len == 0 && r->has_ended && !r->is_reported) {
		run_finish(r);
		r->is_reported = true;
	}
	if (r->printed.out.len > 0) {
		rc = buffer_append(to, r->printed.out.data, r->printed.out.len);
		if (rc == -1)
			return -1;
		buffer_truncate(&r->printed.out, 0);
		if (r->out_io != NULL && !r->has_ended)
			event_add(r->out_io, NULL);
		return 1;
	}
	return r->is_reported ? -1 : 0;
}

bool
run_get_result(const struct run *r, struct run_result *result)
{
	*result = r->result;
	result->is_cut = r->is_cut;
	return r->has_ended;
}

/* A file in memory has an end, and nobody has to write to it. */
static int
run_open_body(struct text_span body)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	if (fd == -1)
		return -1;
	if (write(fd, body.text, body.len) == (ssize_t)body.len &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
run_spawn(struct run *r, const struct run_options *o, int in, int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	error = posix_spawn(&r->pid, o->argv[0], &actions, &attributes, o->argv,
	    o->envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error == 0)
		return 0;
	r->pid = 0;
	errno = error;
	return -1;
}

/* Its descriptors; ours are non-blocking, its own are not. */
static int
run_open(struct run *r, const struct run_options *o)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in, rc = -1, error;

	in = run_open_body(o->body);
	if (in != -1 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0)
		rc = run_spawn(r, o, in, out[1], err[1]);
	error = errno;
	r->out_fd = out[0];
	r->err_fd = err[0];
	if (in != -1)
		close(in);
	if (out[1] != -1)
		close(out[1]);
	if (err[1] != -1)
		close(err[1]);
	errno = error;
	if (rc == 0 &&
	    (loop_prepare_fd(out[0]) == -1 || loop_prepare_fd(err[0]) == -1))
		return -1;
	return rc;
}

static int
run_watch(struct run *r)
{
	struct event_base *base = r->runs->base;

	r->out_io =
	    event_new(base, r->out_fd, EV_READ | EV_PERSIST, run_out_cb, r);
	r->err_io =
	    event_new(base, r->err_fd, EV_READ | EV_PERSIST, run_err_cb, r);
	r->grace = evtimer_new(base, run_grace_cb, r);
	if (r->out_io == NULL || r->err_io == NULL || r->grace == NULL ||
	    event_add(r->out_io, NULL) == -1)
		return -1;
	return event_add(r->err_io, NULL);
}

struct run *
run_start(struct runs *runs, const struct run_options *o,
    void (*ready_cb)(void *), void *arg, char **cause)
{
	struct run *r = calloc(1, sizeof *r);

	*cause = NULL;
	if (r == NULL)
		return NULL;
	r->runs = runs;
	r->out_fd = r->err_fd = -1;
	r->printed.tokener = runs->tokener;
	r->printed.is_raw = o->is_raw;
	r->printed.max_line = o->max_line;
	r->max_bytes = o->max_bytes;
	r->started_ms = clock_monotonic_ms();
	r->ready_cb = ready_cb;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&runs->list, r, link);
	runs->count++;
	r->printed.name = r->name = strdup(o->name);
	if (r->name != NULL && run_open(r, o) == 0 && run_watch(r) == 0)
		return r;
	cause_set(cause, "%s: %s", o->argv[0], strerror(errno));
	run_free(r);
	return NULL;
}

struct runs *
runs_new(struct event_base *base)
{
	struct runs *runs = calloc(1, sizeof *runs);

	if (runs == NULL)
		return NULL;
	runs->base = base;
	TAILQ_INIT(&runs->list);
	runs->tokener = command_tokener();
	runs->child = evsignal_new(base, SIGCHLD, runs_child_cb, runs);
	if (runs->tokener != NULL && runs->child != NULL &&
	    event_add(runs->child, NULL) == 0)
		return runs;
	runs_free(runs);
	return NULL;
}

void
runs_free(struct runs *runs)
{
	struct run *r, *next;

	if (runs == NULL)
		return;
	runs->ended_cb = NULL;
	TAILQ_FOREACH_SAFE(r, &runs->list, link, next)
		run_free(r);
	if (runs->child != NULL)
		event_free(runs->child);
	if (runs->tokener != NULL)
		json_tokener_free(runs->tokener);
	free(runs);
}

void
runs_wait(struct runs *runs, void (*ended_cb)(void *), void *arg)
{
	runs->ended_cb = ended_cb;
	runs->ended_arg = arg;
}

size_t
runs_count(const struct runs *runs)
{
	return runs->count;
}
