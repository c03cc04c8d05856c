/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/process.h"
#include "companion/spool.h"
#include "protocol/client.h"

enum {
	SPOOL_TRY_MS = 2,       /* milliseconds between two tries for a lock */
	SPOOL_BLOCK = 64 * 1024 /* bytes of one read */
};

static const char spool_journal[] = "journal";

/* Failures that may pass by themselves, as a full disk does, are temporary. */
static int
spool_code(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return EX_TEMPFAIL;
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	default:
		return EX_IOERR;
	}
}

/* What cannot be done with the directory, or a file in it; the caller's. */
static char *
spool_cause(const struct spool *s, const char *name, int error)
{
	char *path, *cause = NULL;

	if (asprintf(&path, "%s%s%s", s->path, name[0] == '\0' ? "" : "/",
		name) == -1)
		return NULL;
	process_cannot(path, "", R_OK | W_OK, error, &cause);
	free(path);
	return cause;
}

int
spool_fail(const struct spool *s, const char *name)
{
	int error = errno;
	char *cause = spool_cause(s, name, error);

	client_warn("%s", cause_text(cause));
	free(cause);
	return spool_code(error);
}

/*
 * A link in the directory must not lead root to another file: only plain files
 * with one name, of the directory's owner, are taken.
 */
static int
spool_check_file(const struct spool *s, int fd)
{
	struct stat st;
	int error = EPERM;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    st.st_uid == s->owner)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/*
 * Makes a file in the directory.  When root sends what another user has kept,
 * as from cron(8), all files stay that user's.
 */
static int
spool_make_file(const struct spool *s, const char *name, int flags)
{
	struct stat st;
	int fd = openat(s->dir, name, flags | O_CREAT | O_EXCL, 0600), error;

	if (fd == -1 || geteuid() != 0 ||
	    (fstat(s->dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
spool_open_file(const struct spool *s, const char *name, bool create)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(s->dir, name, flags);

	if (fd == -1 && errno == ENOENT && create) {
		fd = spool_make_file(s, name, flags);
		if (fd == -1 && errno == EEXIST)
			fd = openat(s->dir, name, flags);
	}
	return spool_check_file(s, fd);
}

/*
 * The directory must be the sender's own, and writable for no one else: who can
 * write to it decides what is sent in the sender's name, and its owner can read
 * what is kept.  Root may send what another user has kept, as from cron(8).
 */
static int
spool_check_directory(struct spool *s, bool keeps)
{
	uid_t self = geteuid();
	struct stat st;

	if (fstat(s->dir, &st) == -1)
		return spool_fail(s, "");
	s->owner = st.st_uid;
	if (st.st_uid != self && (self != 0 || keeps)) {
		client_warn("%s: it belongs to another user (uid %lu)", s->path,
		    (unsigned long)st.st_uid);
		return EX_NOPERM;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return 0;
	client_warn("%s: others may write to it (mode %03o): chmod go-w",
	    s->path, (unsigned)(st.st_mode & 0777));
	return EX_NOPERM;
}

int
spool_open(struct spool *s, const char *path, bool create)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	s->path = path;
	s->journal = -1;
	s->dir = open(path, flags);
	if (s->dir == -1 && errno == ENOENT) {
		if (!create)
			return -1;
		if (mkdir(path, 0700) == 0 || errno == EEXIST)
			s->dir = open(path, flags);
	}
	if (s->dir == -1)
		return spool_fail(s, "");
	signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then an error
				     like a full disk */
	return spool_check_directory(s, create);
}

void
spool_close(struct spool *s)
{
	if (s->journal != -1)
		close(s->journal);
	if (s->dir != -1)
		close(s->dir);
	s->journal = s->dir = -1;
}

/* Looks by name: another process may have made the journal since we did. */
static bool
spool_has_records(struct spool *s)
{
	struct stat st;

	return fstatat(s->dir, spool_journal, &st, 0) == 0 && st.st_size > 0;
}

bool
spool_lock(struct spool *s, uint64_t deadline_ms, bool keeps)
{

	while (flock(s->dir, LOCK_EX | LOCK_NB) == -1) {
		if (clock_monotonic_ms() >= deadline_ms ||
		    (keeps && spool_has_records(s)))
			return false;
		clock_sleep_ms(SPOOL_TRY_MS);
	}
	return true;
}

/*
 * The journal is opened anew next time, for it may be removed and made again
 * meanwhile.
 */
void
spool_unlock(struct spool *s)
{
	if (s->journal != -1)
		close(s->journal);
	s->journal = -1;
	flock(s->dir, LOCK_UN);
}

static int
spool_lock_file(int fd)
{
	int rc;

	do
		rc = flock(fd, LOCK_EX);
	while (rc == -1 && errno == EINTR);
	return rc;
}

static int
spool_write(int fd, const char *data, size_t len, off_t at)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, data, len, at);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			at += n;
		}
	}
	return 0;
}

/* Where the last line that is complete ends.  0, or -1 with errno. */
static int
spool_find_end(int fd, off_t size, off_t *end)
{
	char block[SPOOL_BLOCK];
	off_t from = size;
	const char *newline = NULL;
	size_t len;
	ssize_t n;

	*end = 0;
	while (from > 0 && newline == NULL) {
		len = size == from ? 1 : SPOOL_BLOCK;
		len = (off_t)len > from ? (size_t)from : len;
		from -= (off_t)len;
		n = pread(fd, block, len, from);
		if (n != (ssize_t)len) {
			errno = n == -1 ? errno : EIO;
			return -1;
		}
		newline = memrchr(block, '\n', len);
		if (newline != NULL)
			*end = from + (newline - block) + 1;
	}
	return 0;
}

/* Cuts off what is behind the last newline; with the file's lock held. */
static int
spool_repair(const struct spool *s, const char *name, int fd, off_t *size)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || spool_find_end(fd, st.st_size, size) == -1)
		return -1;
	if (*size == st.st_size)
		return 0;
	client_warn("%s/%s: dropped %lld bytes that were half written when "
		    "their writer ended",
	    s->path, name, (long long)(st.st_size - *size));
	return ftruncate(fd, *size);
}

/* All of it or nothing, on the disk; with the file's lock held. */
static int
spool_append(const struct spool *s, const char *name, int fd, const char *data,
    size_t len)
{
	off_t size;
	int error, up;

	/* 1. Behind what is whole: a writer may have been killed in a line. */
	if (spool_repair(s, name, fd, &size) == -1)
		return -1;
	/* 2. Kept is what is on the disk. */
	if (spool_write(fd, data, len, size) == 0 && fdatasync(fd) == 0) {
		if (size > 0)
			return 0;
		/*
		 * 3. The first record: the file may be new, and the directory,
		 * too, so their names must reach the disk as well.
		 */
		if ((up = openat(s->dir, "..", O_RDONLY | O_CLOEXEC)) != -1) {
			fsync(up);
			close(up);
		}
		if (fsync(s->dir) == 0)
			return 0;
	}
	/* 4. All or nothing: what is there of it must not be sent later. */
	error = errno;
	if (ftruncate(fd, size) == 0)
		fdatasync(fd);
	errno = error;
	return -1;
}

int
spool_keep(struct spool *s, const struct buffer *records, char *why,
    size_t why_size)
{
	int fd = spool_open_file(s, spool_journal, true), error = 0;
	char *cause;

	if (fd == -1 || spool_lock_file(fd) == -1 ||
	    spool_append(s, spool_journal, fd, records->data, records->len) ==
		-1)
		error = errno;
	if (fd != -1)
		close(fd);
	if (error == 0)
		return 0;
	cause = spool_cause(s, spool_journal, error);
	snprintf(why, why_size, "%s", cause_text(cause));
	free(cause);
	return spool_code(error);
}

int
spool_measure(struct spool *s, off_t known, off_t *size)
{
	int rc, error;

	*size = 0;
	if (s->journal == -1)
		s->journal = spool_open_file(s, spool_journal, false);
	if (s->journal == -1)
		return errno == ENOENT ? 0 : -1;
	if (spool_lock_file(s->journal) == -1)
		return -1;
	rc = spool_repair(s, spool_journal, s->journal, size);
	if (rc == 0 && *size > 0 && *size == known &&
	    (rc = ftruncate(s->journal, 0)) == 0) {
		*size = 0;
		rc = fdatasync(s->journal);
	}
	error = errno;
	flock(s->journal, LOCK_UN);
	errno = error;
	return rc;
}

int
spool_mark(struct spool *s, off_t at, char state)
{
	const char mark[] = { state, ' ' };

	return spool_write(s->journal, mark, sizeof mark, at);
}

int
spool_put_aside(struct spool *s, const char *name, const char *line, size_t len)
{
	struct buffer b = { 0 };
	int fd = -1, rc = -1, error;

	if (buffer_append(&b, line, len) == 0 &&
	    buffer_append(&b, "\n", 1) == 0 &&
	    (fd = spool_open_file(s, name, true)) != -1)
		rc = spool_append(s, name, fd, b.data, b.len);
	error = errno;
	if (fd != -1)
		close(fd);
	buffer_clear(&b);
	errno = error;
	return rc;
}
