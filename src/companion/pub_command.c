/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "companion/pub_command.h"
#include "protocol/client.h"

enum {
	PUB_COMMAND_PIPE =
	    1024 * 1024, /* bytes that the command may be ahead of us */
	PUB_COMMAND_SIGNALS = 3
};

static const int pub_command_signals[PUB_COMMAND_SIGNALS] = { SIGINT, SIGTERM,
	SIGHUP };

/* The process group that the handler passes signals on to; 0: none any more. */
static volatile sig_atomic_t pub_command_group;

static void
pub_command_signal_cb(int number)
{
	int error = errno;

	if (pub_command_group > 0)
		kill(-(pid_t)pub_command_group, number);
	errno = error;
}

/*
 * The signals stay caught to our end: one that is sent to the command and to us
 * alike must not keep the exit event from being published.  A signal that is
 * ignored (nohup) stays ignored.
 */
static void
pub_command_catch(void)
{
	struct sigaction now = { .sa_handler = pub_command_signal_cb,
		.sa_flags = SA_RESTART };
	struct sigaction before;
	size_t i;

	sigemptyset(&now.sa_mask);
	for (i = 0; i < PUB_COMMAND_SIGNALS; i++)
		if (sigaction(pub_command_signals[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(pub_command_signals[i], &now, NULL);
}

/* Runs in the child; never returns. */
static void __attribute__((noreturn))
pub_command_exec(const char *text, int output, const sigset_t *mask)
{
	int null;

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	/*
	 * A process group in the background would be stopped when it reads from
	 * the terminal.
	 */
	if (isatty(STDIN_FILENO) &&
	    (null = open("/dev/null", O_RDONLY)) != -1) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (dup2(output, STDOUT_FILENO) != -1)
		execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	_exit(127);
}

int
pub_command_start(struct pub_command *c, const char *text)
{
	sigset_t hold, before;
	int fds[2];

	c->fd = -1;
	c->begun_ms = clock_monotonic_ms();
	if (pipe2(fds, O_CLOEXEC) == -1) {
		client_warn("%s", strerror(errno));
		return EX_OSERR;
	}
	fcntl(fds[1], F_SETPIPE_SZ, PUB_COMMAND_PIPE);
	/* 1. No signal may come before there is a group to pass it on to. */
	sigemptyset(&hold);
	sigaddset(&hold, SIGINT);
	sigaddset(&hold, SIGTERM);
	sigaddset(&hold, SIGHUP);
	sigprocmask(SIG_BLOCK, &hold, &before);
	if ((c->pid = fork()) == 0)
		pub_command_exec(text, fds[1], &before);
	close(fds[1]);
	if (c->pid > 0) {
		/* 2. The child does so, too: whichever of the two runs first
		 * must find the group. */
		setpgid(c->pid, c->pid);
		/* 3. Only now are they caught, in the parent alone. */
		pub_command_group = c->pid;
		pub_command_catch();
		c->fd = fds[0];
	} else {
		client_warn("%s", strerror(errno));
		close(fds[0]);
		c->pid = 0;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return c->pid > 0 ? 0 : EX_OSERR;
}

/*
 * Waits for the command; its status.  The group is forgotten before the process
 * is reaped, so no signal is passed on to another one with its number.
 */
static int
pub_command_wait(struct pub_command *c)
{
	siginfo_t info;
	int status = 0, rc;

	while (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT) == -1 &&
	    errno == EINTR)
		continue;
	pub_command_group = 0;
	do
		rc = waitpid(c->pid, &status, 0);
	while (rc == -1 && errno == EINTR);
	c->pid = 0;
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	return status;
}

int
pub_command_finish(struct pub_command *c, struct buffer *to)
{
	int status = pub_command_wait(c);
	char seconds[QUANTITY_TEXT_SIZE];

	quantity_format_seconds(clock_monotonic_ms() - c->begun_ms, seconds);
	if (!WIFSIGNALED(status))
		return buffer_printf(to, "{\"status\":%d,\"seconds\":%s}",
		    WEXITSTATUS(status), seconds);
	/* A shell, too, says 128 and the signal's number. */
	return buffer_printf(to, "{\"status\":%d,\"seconds\":%s,\"signal\":%d}",
	    128 + WTERMSIG(status), seconds, WTERMSIG(status));
}

void
pub_command_drop(struct pub_command *c)
{
	char bytes[4096];
	ssize_t n;

	if (c->pid <= 0)
		return;
	do
		n = read(c->fd, bytes, sizeof bytes);
	while (n > 0 || (n == -1 && errno == EINTR));
	pub_command_wait(c);
}
