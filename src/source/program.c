/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * A program's life.  It starts in a process group of its own.  Its output is
 * read a piece at a time, and the next one only when program_take has had the
 * last.
 *
 * A program ends by itself: SIGCHLD comes, and waitid(2) with WNOWAIT tells its
 * exit without reaping it, so its number stays its own while its group is
 * killed.  What its pipe held at that moment is taken; then program_take says
 * that nothing more comes, its client's stream ends, and program_leave frees
 * and reaps it.  Or its client leaves first: SIGTERM, SIGKILL after the grace,
 * and SIGCHLD frees it.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lines.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "protocol/command.h"
#include "source/kin.h"
#include "source/program.h"
#include "source/program_output.h"
#include "source/spawn.h"

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
	bool has_ended;   /* its exit is known */
	bool is_reported; /* program_take has said so */
	bool is_left;     /* its client is gone */
	int left;         /* bytes that its pipe held when it ended */
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
	bool adopts;              /* what programs leave behind */
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

/* How many bytes a pipe holds. */
static int
program_left(int fd)
{
	int left = 0;

	return fd == -1 || ioctl(fd, FIONREAD, &left) == -1 ? 0 : left;
}

/*
 * Signals the program's group, and the program itself if it has left that.  The
 * number cannot be another process's, as long as the program is not reaped.
 */
static void
program_signal(const struct program *p, int number)
{
	kill(-p->pid, number);
	if (getpgid(p->pid) != p->pid)
		kill(p->pid, number);
}

/*
 * If the program runs as another user we cannot kill it: then waitpid must not
 * block.  Else it is dying, and is waited for, so that no zombie stays.
 */
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

/*
 * Reads from standard error as read(2) does.  Without memory for it that is its
 * end.
 */
static ssize_t
program_read_err(struct program *p)
{
	char *at = buffer_reserve(&p->err, PROGRAM_LOG_LINE);
	ssize_t n = at == NULL ? 0 : read(p->err_fd, at, PROGRAM_LOG_LINE);

	if (n > 0)
		buffer_commit(&p->err, (size_t)n);
	return n;
}

/*
 * Logs what standard error still holds: a program's last words mostly say why
 * it ended.
 */
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

/* Asks the program to end; after the grace it is killed.  0, or -1 (memory). */
static int
program_end(struct program *p)
{
	if (loop_set_timer(p->grace, PROGRAM_GRACE_MS) == -1)
		return -1;
	program_signal(p, SIGTERM);
	return 0;
}

/* Ends a program that has written more than it may. */
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

/*
 * Reads a piece of the output and makes records of it.  False: there is no more
 * for now.
 */
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
 * Takes the rest of an ended program's output: what its pipe held when it
 * ended.  A process that it has left behind may write into the pipe for ever.
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
	if (p->output.out.len == 0 &&
	    (p->output.put == NULL || p->output.events == 0))
		return;
	/* The next piece is read when this one was taken. */
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

/*
 * Kills what an ended program has left behind in its group, and notes how much
 * its pipe holds, for the rest is not waited for.
 */
static void
program_end_output(struct program *p)
{
	program_signal(p, SIGKILL);
	p->left = program_left(p->out_fd);
	if (p->out_io != NULL)
		event_del(p->out_io);
}

/* Learns of the program's exit, without reaping it: see the top. */
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

static bool
programs_know(void *arg, pid_t pid)
{
	const struct programs *programs = arg;
	const struct program *p;

	TAILQ_FOREACH(p, &programs->list, link)
		if (p->pid == pid)
			return true;
	return false;
}

void
programs_adopt(struct programs *programs)
{
	programs->adopts = true;
	kin_adopt();
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
	if (programs->adopts)
		kin_reap(programs_know, programs);
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
program_take(struct program *p, struct buffer *to, uint64_t *events)
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
		*events = p->output.events;
		p->output.events = 0;
		if (p->out_io != NULL && !p->has_ended)
			event_add(p->out_io, NULL);
		return 1;
	}
	return p->is_reported ? -1 : 0;
}

int
program_go_on(struct program *p)
{
	if (p->has_ended && !p->is_reported) {
		program_finish(p);
		p->is_reported = true;
	}
	p->output.events = 0;
	if (p->out_io != NULL && !p->has_ended)
		event_add(p->out_io, NULL);
	return p->is_reported ? -1 : 0;
}

void
program_stop(struct program *p)
{
	if (!p->has_ended && program_end(p) == -1)
		program_signal(p, SIGKILL);
}

bool
program_get_result(const struct program *p, struct program_result *result)
{
	*result = p->result;
	result->is_cut = p->is_cut;
	return p->has_ended;
}

static int
program_open(struct program *p, const struct program_options *o)
{
	struct spawn_process process;
	const struct spawn_options options = { .argv = o->argv,
		.envp = o->envp,
		.input = o->body,
		.directory = o->directory,
		.dies_with_us = o->put != NULL };
	int rc = spawn_process(&process, &options);

	p->pid = process.pid;
	p->out_fd = process.out_fd;
	p->err_fd = process.err_fd;
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
	p->output.put = o->put;
	p->output.arg = arg;
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
