/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/*
 * Preloaded into crierd: clocks that are moved, writes to the history that
 * fail, and sockets of which little is read at once.  The test says what by the
 * file that $INTERPOSE_CONTROL names.
 */

struct control {
	volatile int64_t seconds; /* added to the wall clock */
	volatile int64_t error;   /* of writes to the history; 0: none */
	volatile int64_t hits;    /* writes that failed */
	volatile int64_t after;   /* so many writes come through before */
	volatile int64_t most;    /* of them fail; 0: all */
	volatile int64_t bytes;   /* of one message that is received; 0: all */
	volatile int64_t passed;  /* seconds; added to all clocks */
};

static struct control interpose_nothing;
static struct control *control = &interpose_nothing;

__attribute__((constructor)) static void
interpose_start(void)
{
	const char *path = getenv("INTERPOSE_CONTROL");
	void *map;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		control = map;
}

static int
interpose_fails(int fd)
{
	int error = (int)control->error;
	char link[64], path[4096];
	ssize_t len;

	if (error == 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof path - 1);
	if (len == -1)
		return 0;
	path[len] = '\0';
	if (strstr(path, "history.db") == NULL || strstr(path, "-shm") != NULL)
		return 0;
	if (control->after > 0) {
		control->after--;
		return 0;
	}
	control->hits++;
	if (control->most > 0 && control->hits >= control->most)
		control->error = 0;
	errno = error;
	return 1;
}

#define INTERPOSE(type, name, types, names)                         \
	type name types                                             \
	{                                                           \
		static type(*next) types;                           \
                                                                    \
		if (next == NULL)                                   \
			*(void **)&next = dlsym(RTLD_NEXT, #name);  \
		return interpose_fails(fd) ? (type)-1 : next names; \
	}

INTERPOSE(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
INTERPOSE(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
INTERPOSE(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at),
    (fd, p, n, at))
INTERPOSE(int, ftruncate, (int fd, off_t at), (fd, at))
INTERPOSE(int, ftruncate64, (int fd, off64_t at), (fd, at))
INTERPOSE(int, fallocate, (int fd, int mode, off_t at, off_t n),
    (fd, mode, at, n))
INTERPOSE(int, fallocate64, (int fd, int mode, off64_t at, off64_t n),
    (fd, mode, at, n))

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	static ssize_t (*next)(int, struct msghdr *, int);
	size_t most = (size_t)control->bytes;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "recvmsg");
	if (most > 0 && msg->msg_iovlen == 1 && msg->msg_iov[0].iov_len > most)
		msg->msg_iov[0].iov_len = most;
	return next(fd, msg, flags);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);
	int rc;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	rc = next(clock, ts);
	if (rc != 0)
		return rc;
	ts->tv_sec += control->passed;
	if (clock == CLOCK_REALTIME)
		ts->tv_sec += control->seconds;
	return rc;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	static int (*next)(struct timeval *, void *);
	int rc;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "gettimeofday");
	rc = next(tv, zone);
	if (rc == 0)
		tv->tv_sec += control->passed + control->seconds;
	return rc;
}

time_t
time(time_t *to)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (to != NULL)
		*to = ts.tv_sec;
	return ts.tv_sec;
}
