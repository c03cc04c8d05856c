/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/loop.h"
#include "source/spawn.h"

/*
 * What the process reads: a file in memory has an end, and nobody has to write
 * to it piece by piece.
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

/* Starts the process with these descriptors. */
static int
spawn_start(struct spawn_process *p, char *const *argv, char *const *envp,
    const int fds[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[2], STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	error =
	    posix_spawn(&p->pid, argv[0], &actions, &attributes, argv, envp);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error == 0)
		return 0;
	p->pid = 0;
	errno = error;
	return -1;
}

int
spawn_process(struct spawn_process *p, char *const *argv, char *const *envp,
    struct text_span input)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in, rc = -1, error;

	p->pid = 0;
	in = spawn_open_input(input);
	if (in != -1 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0)
		rc = spawn_start(p, argv, envp,
		    (const int[]){ in, out[1], err[1] });
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
