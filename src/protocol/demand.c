/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/process.h"
#include "protocol/demand.h"
#include "protocol/paths.h"

/*
 * Leaves in the environment only the variables that concern a crierd: in a CGI
 * program, clients decide on many of the others.
 */
static void
demand_clean_environment(const char *queue)
{
	static const char *const kept[] = { "CRIER_CONF", "HOME", "LANG",
		"LC_ALL", "PATH", "TZ", "XDG_RUNTIME_DIR" };
	char *values[sizeof kept / sizeof *kept];
	size_t i;

	for (i = 0; i < sizeof kept / sizeof *kept; i++)
		values[i] = getenv(kept[i]);
	clearenv();
	for (i = 0; i < sizeof kept / sizeof *kept; i++)
		if (values[i] != NULL)
			setenv(kept[i], values[i], 1);
	setenv("CRIER_QUEUE", queue, 1);
}

/*
 * Standard error stays the caller's: a crierd that cannot start has no log yet.
 */
static void __attribute__((noreturn))
demand_run(const char *program, const char *queue)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1)
		_exit(127);
	process_close_from(STDERR_FILENO + 1);
	process_restore_start();
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	demand_clean_environment(queue);
	execl(program, program, "--on-demand", (char *)NULL);
	fprintf(stderr, "crier: cannot start %s: %s\n", program,
	    strerror(errno));
	_exit(127);
}

/* A process that has inherited SIGCHLD ignored could not wait for its child. */
static void
demand_heed_children(void)
{
	struct sigaction action;

	if (sigaction(SIGCHLD, NULL, &action) == 0 &&
	    action.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

int
demand_start(const char *queue, char **cause)
{
	char *program = paths_find_program("crierd", SBINDIR);
	int status = -1, rc;
	pid_t pid;

	*cause = NULL;
	if (program == NULL)
		return -1;
	demand_heed_children();
	if ((pid = fork()) == 0)
		demand_run(program, queue);
	do
		rc = pid == -1 ? -1 : (int)waitpid(pid, &status, 0);
	while (rc == -1 && pid != -1 && errno == EINTR);
	if (rc == -1)
		rc = cause_set(cause, "cannot start %s: %s", program,
		    strerror(errno));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		rc = cause_set(cause, "%s --on-demand has failed", program);
	else
		rc = 0;
	free(program);
	return rc;
}
