/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/process.h"

enum {
	PROCESS_NAME_SIZE = 64
};

static int process_ready_fd = -1;

int
process_find_account(const char *user, struct process_account *account,
    char **cause)
{
	static const char *const names[] = { "crier", "www-data", "nobody" };
	const struct passwd *pw = NULL;
	size_t i;

	memset(account, 0, sizeof *account);
	if (geteuid() != 0 || strcmp(user, "root") == 0)
		return 0;
	if (*user != '\0')
		pw = getpwnam(user);
	for (i = 0;
	     *user == '\0' && pw == NULL && i < sizeof names / sizeof *names;
	     i++)
		pw = getpwnam(names[i]);
	if (pw == NULL)
		return cause_set(cause, "user: there is no account %s",
		    *user == '\0' ? "crier, www-data or nobody" : user);
	account->is_set = true;
	account->uid = pw->pw_uid;
	account->gid = pw->pw_gid;
	snprintf(account->name, sizeof account->name, "%s", pw->pw_name);
	return 0;
}

int
process_find_group(const char *group, gid_t *gid, char **cause)
{
	const struct group *gr;

	*gid = (gid_t)-1;
	if (*group == '\0')
		return 0;
	if ((gr = getgrnam(group)) == NULL)
		return cause_set(cause, "there is no group %s", group);
	*gid = gr->gr_gid;
	return 0;
}

int
process_drop(const struct process_account *account, char **cause)
{
	if (!account->is_set)
		return 0;
	if (initgroups(account->name, account->gid) == -1 ||
	    setgid(account->gid) == -1 || setuid(account->uid) == -1)
		return cause_set(cause, "cannot become %s: %s", account->name,
		    strerror(errno));
	if (account->uid != 0 && setuid(0) == 0)
		return cause_set(cause, "still root after becoming %s",
		    account->name);
	return 0;
}

static void
process_name_user(uid_t uid, char name[PROCESS_NAME_SIZE])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		snprintf(name, PROCESS_NAME_SIZE, "%s", pw->pw_name);
	else
		snprintf(name, PROCESS_NAME_SIZE, "%lu", (unsigned long)uid);
}

/* Sets the cause if access to a file that exists was refused; -1. */
static int
process_refuse(const char *path, int error, char **cause)
{
	char user[PROCESS_NAME_SIZE], owner[PROCESS_NAME_SIZE];
	struct stat st;

	process_name_user(geteuid(), user);
	if (error != EACCES)
		return cause_set(cause, "%s: %s", path, strerror(error));
	if (stat(path, &st) == -1)
		return cause_set(cause, "the user %s may not look at %s", user,
		    path);
	process_name_user(st.st_uid, owner);
	return cause_set(cause,
	    "the user %s may not write to %s, which is %s's (mode %04o)", user,
	    path, owner, (unsigned)st.st_mode & 07777);
}

/* What may not be done to something, or NULL. */
static const char *
process_refused_here(const char *path, int wanted)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return NULL;
	if ((wanted & R_OK) != 0 && access(path, R_OK) == -1)
		return "read";
	if ((wanted & W_OK) != 0 && access(path, W_OK) == -1)
		return "write to";
	return NULL;
}

/*
 * Goes down the path to where it is refused: what may not be done there, with
 * at cut or set to that place, or NULL.
 */
static const char *
process_find_refusal(const char *path, int wanted, char at[PATH_MAX])
{
	const char *slash, *what;
	size_t len;

	for (slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		len = slash == path ? 1 : (size_t)(slash - path);
		snprintf(at, PATH_MAX, "%.*s", (int)len, path);
		if (access(at, X_OK) == -1 && errno == EACCES)
			return "enter";
	}
	if (strchr(path, '/') == NULL)
		snprintf(at, PATH_MAX, ".");
	if (access(path, F_OK) == -1 || wanted == 0) {
		what = access(at, W_OK) == -1 ? "write to" : NULL;
		if (what != NULL || access(path, F_OK) == -1)
			return what;
	}
	snprintf(at, PATH_MAX, "%s", path);
	return wanted == 0 ? "remove" : process_refused_here(path, wanted);
}

/* The first part of the path that is there and is no directory; or false. */
static bool
process_find_file(const char *path, char at[PATH_MAX])
{
	const char *slash;
	struct stat st;

	for (slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		snprintf(at, PATH_MAX, "%.*s", (int)(slash - path), path);
		if (stat(at, &st) == 0 && !S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}

int
process_cannot(const char *path, const char *doing, int wanted, int error,
    char **cause)
{
	char user[PROCESS_NAME_SIZE], owner[PROCESS_NAME_SIZE], at[PATH_MAX];
	const char *what = NULL;
	struct stat st;

	/* With O_NOFOLLOW this is what the system says of a link. */
	if (error == ELOOP && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return cause_set(cause,
		    "%s: %sis a symbolic link, which may lead anywhere", path,
		    doing);
	if (error == ENOTDIR && process_find_file(path, at))
		return cause_set(cause, "%s: %s%s (%s is none)", path, doing,
		    strerror(error), at);
	if (error == EACCES || error == EPERM)
		what = process_find_refusal(path, wanted, at);
	if (what == NULL || stat(at, &st) == -1)
		return cause_set(cause, "%s: %s%s", path, doing,
		    strerror(error));
	process_name_user(geteuid(), user);
	process_name_user(st.st_uid, owner);
	return cause_set(cause,
	    "%s: %s%s (the user %s may not %s %s, which is %s's, mode %04o)",
	    path, doing, strerror(error), user, what, at, owner,
	    (unsigned)st.st_mode & 07777);
}

int
process_check_writable(const char *path, char **cause)
{
	char *copy = strdup(path);
	const char *dir;
	int rc = 0;

	*cause = NULL;
	if (copy == NULL)
		return -1;
	dir = dirname(copy);
	if (access(path, R_OK | W_OK) == -1 && errno != ENOENT)
		rc = process_refuse(path, errno, cause);
	else if (access(dir, W_OK | X_OK) == -1)
		rc = process_refuse(dir, errno, cause);
	free(copy);
	return rc;
}

void
process_guard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Closes all descriptors from first on; 0, or -1 with kernels before 5.9. */
static int
process_close_range(unsigned first)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, first, ~0U, 0U);
#else
	(void)first;
	return -1;
#endif
}

void
process_close_from(int first)
{
	DIR *dir;
	const struct dirent *entry;
	long most, fd;

	if (process_close_range((unsigned)first) == 0)
		return;
	if ((dir = opendir("/proc/self/fd")) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			fd = strtol(entry->d_name, NULL, 10);
			if (fd >= first && fd != dirfd(dir))
				close((int)fd);
		}
		closedir(dir);
		return;
	}
	most = sysconf(_SC_OPEN_MAX);
	for (fd = first; fd < most; fd++)
		close((int)fd);
}

/* How this process was started, of what it has changed of that. */
static struct {
	rlim_t descriptors;
	mode_t mask;
	bool has_descriptors, has_mask;
} process_start;

size_t
process_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 256;
	if (!process_start.has_descriptors)
		process_start.descriptors = limit.rlim_cur;
	process_start.has_descriptors = true;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1 &&
	    getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 256;
	return (size_t)limit.rlim_cur;
}

void
process_set_mask(mode_t mask)
{
	mode_t was = umask(mask);

	if (!process_start.has_mask)
		process_start.mask = was;
	process_start.has_mask = true;
}

void
process_restore_start(void)
{
	struct rlimit limit;

	if (process_start.has_mask)
		umask(process_start.mask);
	if (!process_start.has_descriptors ||
	    getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = process_start.descriptors;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The process that was started stays until the daemon is ready, so that the
 * starter sees an exit status.
 */
static void
process_await(int fd)
{
	char ready;
	ssize_t n;

	do
		n = read(fd, &ready, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int
process_detach(char **cause)
{
	int pair[2], null;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) == -1)
		return cause_set(cause, "pipe: %s", strerror(errno));
	if ((pid = fork()) == -1)
		return cause_set(cause, "fork: %s", strerror(errno));
	if (pid > 0) {
		close(pair[1]);
		process_await(pair[0]);
	}
	close(pair[0]);
	setsid();
	/* A session leader could gain a terminal; its child cannot. */
	if ((pid = fork()) == -1)
		return cause_set(cause, "fork: %s", strerror(errno));
	if (pid > 0)
		_exit(0);
	process_ready_fd = pair[1];
	/* The directory stays, so that relative paths go on to mean the same.
	 */
	if ((null = open("/dev/null", O_RDWR)) == -1)
		return cause_set(cause, "/dev/null: %s", strerror(errno));
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	return 0;
}

void
process_ready(int stderr_fd)
{
	ssize_t n;

	if (process_ready_fd == -1)
		return;
	if (stderr_fd != -1)
		dup2(stderr_fd, STDERR_FILENO);
	n = write(process_ready_fd, "", 1);
	(void)n; /* if it fails, whoever waited is gone */
	close(process_ready_fd);
	process_ready_fd = -1;
}

int
process_lock(const char *path, const struct process_account *account, int *fd,
    char **cause)
{
	int error;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd == -1)
		return process_cannot(path, "", R_OK | W_OK, errno, cause);
	if ((!account->is_set ||
		fchown(*fd, account->uid, account->gid) == 0) &&
	    flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error = errno;
	close(*fd);
	*fd = -1;
	if (error == EWOULDBLOCK)
		return 1;
	return cause_set(cause, "%s: %s", path, strerror(error));
}
