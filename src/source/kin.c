/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "source/kin.h"

enum {
	KIN_DEPTH = 64, /* of children's children */
	KIN_VALUE_SIZE = 128,
	KIN_READ_BYTES = 16384,
	KIN_FILE_MAX = 2097152 /* of an environment, as the system has it */
};

/* Reads a file of /proc, with a NUL behind it; 0, or -1. */
static int
kin_read(const char *path, struct buffer *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *at;

	if (fd == -1)
		return -1;
	while (b->len < KIN_FILE_MAX &&
	    (at = buffer_reserve(b, KIN_READ_BYTES)) != NULL &&
	    (n = read(fd, at, KIN_READ_BYTES)) > 0)
		buffer_commit(b, (size_t)n);
	close(fd);
	return n == 0 ? buffer_append(b, "", 1) : -1;
}

/* The children of a process's first thread, which gets the orphans. */
static int
kin_read_children(pid_t pid, struct buffer *b)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid,
	    (int)pid);
	return kin_read(path, b);
}

/* Copies the value of a variable from a process's environment; false: none. */
static bool
kin_find_mark(pid_t pid, const char *mark, char value[KIN_VALUE_SIZE])
{
	size_t len = strlen(mark), at;
	struct buffer env = { 0 };
	bool is_found = false;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	if (kin_read(path, &env) == 0)
		for (at = 0; !is_found && at < env.len;
		     at += strlen(env.data + at) + 1) {
			is_found = strncmp(env.data + at, mark, len) == 0;
			if (is_found)
				snprintf(value, KIN_VALUE_SIZE, "%s",
				    env.data + at + len);
		}
	buffer_clear(&env);
	return is_found;
}

/* Kills a process behind its children, which would else be orphans. */
static void
kin_kill_tree(pid_t pid, int depth) /* NOLINT(misc-no-recursion) */
{
	struct buffer b = { 0 };
	char *at, *end;
	long child;

	if (depth < KIN_DEPTH && kin_read_children(pid, &b) == 0)
		for (at = b.data; (child = strtol(at, &end, 10)) > 0; at = end)
			kin_kill_tree((pid_t)child, depth + 1);
	buffer_clear(&b);
	kill(pid, SIGKILL);
}

size_t
kin_kill(const char *mark, size_t known,
    bool (*is_going)(void *arg, const char *value), void *arg)
{
	char value[KIN_VALUE_SIZE];
	struct buffer b = { 0 };
	size_t found = 0, count = 0;
	char *at, *end;
	long child;

	if (kin_read_children(getpid(), &b) == 0)
		for (at = b.data; strtol(at, &end, 10) > 0; at = end)
			count++;
	for (at = b.data; count > known && (child = strtol(at, &end, 10)) > 0;
	     at = end)
		if (kin_find_mark((pid_t)child, mark, value) &&
		    !is_going(arg, value)) {
			kin_kill_tree((pid_t)child, 0);
			found++;
		}
	buffer_clear(&b);
	return found;
}

void
kin_kill_left(const char *mark)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char value[KIN_VALUE_SIZE];
	long pid;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid > 1 && pid != getpid() &&
		    kin_find_mark((pid_t)pid, mark, value) && value[0] == '\0')
			kill((pid_t)pid, SIGKILL);
	}
	if (dir != NULL)
		closedir(dir);
}

void
kin_reap(bool (*is_known)(void *arg, pid_t), void *arg)
{
	struct buffer b = { 0 };
	char *at, *end;
	long child;

	if (kin_read_children(getpid(), &b) == 0)
		for (at = b.data; (child = strtol(at, &end, 10)) > 0; at = end)
			if (!is_known(arg, (pid_t)child))
				waitpid((pid_t)child, NULL, WNOHANG);
	buffer_clear(&b);
}

void
kin_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}
