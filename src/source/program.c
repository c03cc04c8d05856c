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

#include "base/clock.h"
#include "base/lines.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "protocol/command.h"
#include "source/program.h"
#include "source/program_output.h"

enum {
	PROGRAM_READ_BYTES = 65536,
	PROGRAM_GRACE_MS = 5000, /* between SIGTERM and SIGKILL */
	PROGRAM_LOG_LINE = 1024
};

struct program {
	TAILQ_ENTRY(program) link;
	struct programs *programs;
	pid_t pid; /* and process group */
	int out_fd, err_fd;
	struct event *out_io, *err_io, *grace;
	struct program_output output;
	struct buffer err;
	struct lines err_lines;
	char *name;
	bool is_cut;
	bool has_ended;   /* the program; its exit is known */
	bool is_reported; /* program_take has said so */
	bool is_left;     /* by its client */
	int left;         /* bytes of its output, when it ended */
	uint64_t max_bytes, bytes;
	uint64_t started_ms;
	struct program_result result;
	void (*ready_cb)(void *);
	void *arg;
};

struct programs {
	struct event_base *base;
	struct event *child;
	struct json_tokener *tokener;
	TAILQ_HEAD(programs_head, program) list;
	size_t count;
	void (*ended_cb)(void *); /* or NULL */
	void *ended_arg;
};

static void
program_close(struct event **io, int *fd)
{
	if (*io != NULL)
		event_free(*io);
	if (*fd != -1)
		close(*fd);
	*io = NULL;
	*fd = -1;
}

static int
program_left(int fd)
{
	int left = 0;

	return fd == -1 || ioctl(fd, FIONREAD, &left) == -1 ? 0 : left;
}

/*
 * The group goes with its program, which may have left it.  As long as that is
 * not reaped its number cannot be another's.
 */
static void
program_signal(const struct program *p, int number)
{
	kill(-p->pid, number);
	if (getpgid(p->pid) != p->pid)
		kill(p->pid, number);
}

/* One that may not be killed, for it has another user, is not waited for. */
static void
program_reap(const struct program *p)
{
	bool is_ending;

	program_signal(p, SIGKILL);
	is_ending = p->has_ended || kill(p->pid, 0) == 0;
	while (waitpid(p->pid, NULL, is_ending ? 0 : WNOHANG) == -1 &&
	    errno == EINTR)
		;
}

/* A line that is longer than one of the log becomes several. */
static void
program_log_lines(struct program *p, bool is_end)
{
	struct text_span line;
	size_t len;

	while (lines_find(&p->err_lines, &p->err, SIZE_MAX,
		   is_end || p->err.len >= PROGRAM_LOG_LINE,
		   &line) != LINES_NONE) {
		len = line.len < PROGRAM_LOG_LINE ? line.len : PROGRAM_LOG_LINE;
		log_info("run %s: %.*s", p->name, (int)len, line.text);
		if (len < line.len)
			lines_cut(&p->err_lines, &p->err, len);
		else
			lines_pass(&p->err_lines, &p->err);
	}
}

/* As read(2): one for whom there is no memory says no more. */
static ssize_t
program_read_err(struct program *p)
{
	char *at = buffer_reserve(&p->err, PROGRAM_LOG_LINE);
	ssize_t n = at == NULL ? 0 : read(p->err_fd, at, PROGRAM_LOG_LINE);

	if (n > 0)
		buffer_commit(&p->err, (size_t)n);
	return n;
}

/* Its last words are the ones that say why it ended. */
static void
program_log_rest(struct program *p)
{
	int left = program_left(p->err_fd);

	while (left > 0 && p->err_fd != -1 && program_read_err(p) > 0)
		left -= PROGRAM_LOG_LINE;
	program_log_lines(p, true);
}

static void
program_free(struct program *p)
{
	struct programs *programs = p->programs;

	if (p->pid > 0)
		program_reap(p);
	program_log_rest(p);
	TAILQ_REMOVE(&programs->list, p, link);
	programs->count--;
	program_close(&p->out_io, &p->out_fd);
	program_close(&p->err_io, &p->err_fd);
	if (p->grace != NULL)
		event_free(p->grace);
	program_output_clear(&p->output);
	buffer_clear(&p->err);
	free(p->name);
	free(p);
	if (programs->count == 0 && programs->ended_cb != NULL)
		programs->ended_cb(programs->ended_arg);
}

static void
program_stop_reading(struct program *p)
{
	program_close(&p->out_io, &p->out_fd);
}

/* Asked to end, then made to. */
static int
program_end(struct program *p)
{
	if (loop_set_timer(p->grace, PROGRAM_GRACE_MS) == -1)
		return -1;
	program_signal(p, SIGTERM);
	return 0;
}

static void
program_cut(struct program *p)
{
	log_warning("run %s: stopped, for it wrote more than run-bytes",
	    p->name);
	p->is_cut = true;
	program_stop_reading(p);
	if (!p->has_ended && program_end(p) == -1)
		program_signal(p, SIGKILL);
}

/* What was read is made ready; false when there is no more for now. */
static bool
program_read(struct program *p)
{
	struct buffer *to = &p->output.in;
	char *at = buffer_reserve(to, PROGRAM_READ_BYTES);
	ssize_t n = -1;

	if (p->out_fd == -1)
		return false;
	if (at != NULL)
		n = read(p->out_fd, at, PROGRAM_READ_BYTES);
	if (n == -1 && at != NULL && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		program_stop_reading(p);
		return false;
	}
	buffer_commit(to, (size_t)n);
	p->bytes += (uint64_t)n;
	if (program_output_take(&p->output, false) == -1)
		program_stop_reading(p);
	if (p->max_bytes > 0 && p->bytes > p->max_bytes)
		program_cut(p);
	return true;
}

/*
 * It has ended, and so has its output, whoever else still has it open and
 * writes: what is there by now is taken, and no more.
 */
static void
program_finish(struct program *p)
{
	int left = p->left;

	for (; left > 0 && program_read(p); left -= PROGRAM_READ_BYTES)
		;
	if (!p->is_cut)
		program_output_take(&p->output, true);
	program_stop_reading(p);
}

static void
program_out_cb(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;

	(void)fd;
	(void)what;
	program_read(p);
	if (p->output.out.len == 0)
		return;
	/* Until it is taken. */
	if (p->out_io != NULL)
		event_del(p->out_io);
	p->ready_cb(p->arg);
}

static void
program_err_cb(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	ssize_t n = program_read_err(p);

	(void)fd;
	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	program_log_lines(p, n <= 0);
	if (n <= 0)
		program_close(&p->err_io, &p->err_fd);
}

/* Nothing that it leaves behind goes on, or is waited for. */
static void
program_end_output(struct program *p)
{
	program_signal(p, SIGKILL);
	p->left = program_left(p->out_fd);
	if (p->out_io != NULL)
		event_del(p->out_io);
}

/* Its exit, without giving up its number. */
static void
program_look(struct program *p)
{
	siginfo_t info = { 0 };

	if (p->has_ended ||
	    waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		-1 ||
	    info.si_pid == 0)
		return;
	p->has_ended = true;
	program_end_output(p);
	if (info.si_code == CLD_EXITED)
		p->result.status = info.si_status;
	else
		p->result.signal = info.si_status;
	p->result.seconds =
	    (double)(clock_monotonic_ms() - p->started_ms) / 1000;
}

static void
programs_child_cb(evutil_socket_t number, short what, void *arg)
{
	struct programs *programs = arg;
	struct program *p, *next;

	(void)number;
	(void)what;
	TAILQ_FOREACH_SAFE(p, &programs->list, link, next) {
		if (p->has_ended)
			continue;
		program_look(p);
		if (!p->has_ended)
			continue;
		if (p->is_left)
			program_free(p);
		else
			p->ready_cb(p->arg);
	}
}

static void
program_grace_cb(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;

	(void)fd;
	(void)what;
	program_signal(p, SIGKILL);
}

void
program_leave(struct program *p)
{
	p->is_left = true;
	program_stop_reading(p);
	if (p->has_ended || program_end(p) == -1)
		program_free(p);
}

int
program_take(struct program *p, struct buffer *to)
{
	int rc;

	if (p->output.out.len == 0 && p->has_ended && !p->is_reported) {
		program_finish(p);
		p->is_reported = true;
	}
	if (p->output.out.len > 0) {
		rc = buffer_append(to, p->output.out.data, p->output.out.len);
		if (rc == -1)
			return -1;
		buffer_truncate(&p->output.out, 0);
		if (p->out_io != NULL && !p->has_ended)
			event_add(p->out_io, NULL);
		return 1;
	}
	return p->is_reported ? -1 : 0;
}

bool
program_get_result(const struct program *p, struct program_result *result)
{
	*result = p->result;
	result->is_cut = p->is_cut;
	return p->has_ended;
}

/* A file in memory has an end, and nobody has to write to it. */
static int
program_open_body(struct text_span body)
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
program_spawn(struct program *p, const struct program_options *o, int in,
    int out, int err)
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
	error = posix_spawn(&p->pid, o->argv[0], &actions, &attributes, o->argv,
	    o->envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error == 0)
		return 0;
	p->pid = 0;
	errno = error;
	return -1;
}

/* Its descriptors; ours are non-blocking, its own are not. */
static int
program_open(struct program *p, const struct program_options *o)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in, rc = -1, error;

	in = program_open_body(o->body);
	if (in != -1 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0)
		rc = program_spawn(p, o, in, out[1], err[1]);
	error = errno;
	p->out_fd = out[0];
	p->err_fd = err[0];
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
program_watch(struct program *p)
{
	struct event_base *base = p->programs->base;

	p->out_io =
	    event_new(base, p->out_fd, EV_READ | EV_PERSIST, program_out_cb, p);
	p->err_io =
	    event_new(base, p->err_fd, EV_READ | EV_PERSIST, program_err_cb, p);
	p->grace = evtimer_new(base, program_grace_cb, p);
	if (p->out_io == NULL || p->err_io == NULL || p->grace == NULL ||
	    event_add(p->out_io, NULL) == -1)
		return -1;
	return event_add(p->err_io, NULL);
}

struct program *
program_start(struct programs *programs, const struct program_options *o,
    void (*ready_cb)(void *), void *arg)
{
	struct program *p = calloc(1, sizeof *p);
	int error;

	if (p == NULL)
		return NULL;
	p->programs = programs;
	p->out_fd = p->err_fd = -1;
	p->output.tokener = programs->tokener;
	p->output.is_raw = o->is_raw;
	p->output.max_line = o->max_line;
	p->max_bytes = o->max_bytes;
	p->started_ms = clock_monotonic_ms();
	p->ready_cb = ready_cb;
	p->arg = arg;
	TAILQ_INSERT_TAIL(&programs->list, p, link);
	programs->count++;
	p->output.name = p->name = strdup(o->name);
	if (p->name != NULL && program_open(p, o) == 0 && program_watch(p) == 0)
		return p;
	error = errno;
	program_free(p);
	errno = error;
	return NULL;
}

struct programs *
programs_new(struct event_base *base)
{
	struct programs *programs = calloc(1, sizeof *programs);

	if (programs == NULL)
		return NULL;
	programs->base = base;
	TAILQ_INIT(&programs->list);
	programs->tokener = command_tokener();
	programs->child =
	    evsignal_new(base, SIGCHLD, programs_child_cb, programs);
	if (programs->tokener != NULL && programs->child != NULL &&
	    event_add(programs->child, NULL) == 0)
		return programs;
	programs_free(programs);
	return NULL;
}

void
programs_free(struct programs *programs)
{
	struct program *p, *next;

	if (programs == NULL)
		return;
	programs->ended_cb = NULL;
	TAILQ_FOREACH_SAFE(p, &programs->list, link, next)
		program_free(p);
	if (programs->child != NULL)
		event_free(programs->child);
	if (programs->tokener != NULL)
		json_tokener_free(programs->tokener);
	free(programs);
}

void
programs_wait(struct programs *programs, void (*ended_cb)(void *), void *arg)
{
	programs->ended_cb = ended_cb;
	programs->ended_arg = arg;
}

size_t
programs_count(const struct programs *programs)
{
	return programs->count;
}
