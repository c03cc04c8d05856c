/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/process.h"
#include "source/spawn.h"

/*
 * The process's standard input is a file in memory: unlike a pipe it takes all
 * of the body at once, and has an end.
 */
static int
spawn_open_input(struct text_span input)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	if (fd == -1)
		return -1;
	if (write(fd, input.text, input.len) == (ssize_t)input.len &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What a child needs. */
struct spawn_child {
	const struct spawn_options *options;
	const int *fds; /* its descriptors 0 to 2 */
	int status;     /* a pipe: why it could not become the program */
};

/*
 * Becomes the program; in the child.  Handlers are the parent's, and so are
 * signals that it ignores: until all are as usual none may come.
 */
static void __attribute__((noreturn))
spawn_become(const struct spawn_child *child)
{
	const struct spawn_options *o = child->options;
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;
	ssize_t n;
	int i, error;

	for (i = 1; i < NSIG; i++)
		sigaction(i, &usual, NULL);
	process_restore_start();
	for (i = 0; i < 3; i++)
		if (dup2(child->fds[i], i) == -1)
			goto fail;
	if (setpgid(0, 0) == -1 ||
	    (o->dies_with_us &&
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1))
		goto fail;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (o->directory == NULL || chdir(o->directory) == 0)
		execve(o->argv[0], o->argv, o->envp);
fail:
	error = errno;
	n = write(child->status, &error, sizeof error);
	(void)n; /* the parent takes nothing for success */
	_exit(127);
}

/*
 * Starts the process with these descriptors.  posix_spawn(3) can set neither a
 * limit nor a mask, and fork(2) would copy the tables of all of the hub's
 * memory; so it is vfork(2), whose child calls nothing but the system, and
 * tells by a pipe why it is no program, which would end the pipe.
 */
static int
spawn_start(struct spawn_process *p, const struct spawn_options *o,
    const int fds[3])
{
	struct spawn_child child = { o, fds, -1 };
	sigset_t all, before;
	int status[2], error = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(status, O_CLOEXEC) == -1)
		return -1;
	child.status = status[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork(); /* NOLINT(*.vfork): see above */
	if (pid == 0)
		spawn_become(&child); /* NOLINT(*-unix.Vfork): the same */
	if (pid == -1)
		error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(status[1]);
	do
		n = pid == -1 ? 0 : read(status[0], &error, sizeof error);
	while (n == -1 && errno == EINTR);
	close(status[0]);
	p->pid = error == 0 ? pid : 0;
	if (error == 0)
		return 0;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	errno = error;
	return -1;
}

int
spawn_process(struct spawn_process *p, const struct spawn_options *o)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in, rc = -1, error;

	p->pid = 0;
	in = spawn_open_input(o->input);
	if (in != -1 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0)
		rc = spawn_start(p, o, (const int[]){ in, out[1], err[1] });
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
