/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum {
	LOG_LINE = 4096,
	LOG_EVERY_MS = 10000
};

static enum log_target log_target_now = LOG_TARGET_STDERR;
static enum log_level log_level_now = LOG_LEVEL_INFO;
static bool log_is_journal, log_is_echo;

/* The store's threads write lines, too. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *log_path; /* of the file that is standard error, or NULL */
static uint64_t log_bytes, log_max_bytes;

static const int log_priority[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

static const char *const log_name[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void
log_open(enum log_target target, enum log_level level)
{
	if (log_target_now == LOG_TARGET_SYSLOG)
		closelog();
	if (target == LOG_TARGET_SYSLOG)
		openlog("crierd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_target_now = target;
	log_level_now = level;
}

void
log_set_journal(bool is_journal)
{
	log_is_journal = is_journal;
}

void
log_set_echo(bool on)
{
	log_is_echo = on;
}

bool
log_wants(enum log_level level)
{
	return level <= log_level_now;
}

void
log_set_file(const char *path, uint64_t max_bytes)
{
	struct stat st = { 0 };

	pthread_mutex_lock(&log_lock);
	log_path = path;
	log_max_bytes = max_bytes;
	if (path != NULL && fstat(STDERR_FILENO, &st) == -1)
		st.st_size = 0;
	log_bytes = (uint64_t)st.st_size;
	pthread_mutex_unlock(&log_lock);
}

uint64_t
log_file_bytes(void)
{
	uint64_t bytes;

	pthread_mutex_lock(&log_lock);
	bytes = log_bytes;
	pthread_mutex_unlock(&log_lock);
	return bytes;
}

/* Gives the file another name and begins a new one; 0, or -1. */
static int
log_set_aside(void)
{
	char *old;
	int fd, rc;

	if (asprintf(&old, "%s.1", log_path) == -1)
		return -1;
	rc = rename(log_path, old);
	free(old);
	if (rc == -1)
		return -1;
	fd = open(log_path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd == -1)
		return -1;
	rc = dup2(fd, STDERR_FILENO);
	close(fd);
	return rc == -1 ? -1 : 0;
}

/* Makes room for a line in the file; false: there is none. */
static bool
log_make_room(size_t len)
{
	if (log_path == NULL || log_bytes + len <= log_max_bytes)
		return true;
	if (log_set_aside() == -1 && ftruncate(STDERR_FILENO, 0) == -1)
		return false;
	log_bytes = 0;
	return true;
}

/* One write(2) for each line, so that lines of several processes stay whole. */
static void
log_to_stderr(enum log_level level, const char *text)
{
	char line[LOG_LINE + 128], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	ssize_t written;
	int n;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		stamp[0] = '\0';
	if (log_is_journal)
		n = snprintf(line, sizeof line, "<%d>%s\n", log_priority[level],
		    text);
	else
		n = snprintf(line, sizeof line, "%s crierd[%ld] %s: %s\n",
		    stamp, (long)getpid(), log_name[level], text);
	if (n < 0)
		return;
	pthread_mutex_lock(&log_lock);
	/* If it fails there is nowhere to report it. */
	if (log_make_room((size_t)n) &&
	    (written = write(STDERR_FILENO, line, (size_t)n)) > 0)
		log_bytes += (uint64_t)written;
	pthread_mutex_unlock(&log_lock);
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char raw[LOG_LINE], text[LOG_LINE];
	int n;

	if (!log_wants(level))
		return;
	n = vsnprintf(raw, sizeof raw, fmt, ap);
	if (n < 0)
		return;
	text_escape(raw, strlen(raw), text, sizeof text);
	if (log_target_now == LOG_TARGET_SYSLOG)
		syslog(log_priority[level], "%s", text);
	if (log_target_now == LOG_TARGET_STDERR ||
	    (log_is_echo && level <= LOG_LEVEL_WARNING))
		log_to_stderr(level, text);
}

#define LOG_FUNCTION(name, level)         \
	void name(const char *fmt, ...)   \
	{                                 \
		va_list ap;               \
		va_start(ap, fmt);        \
		log_line(level, fmt, ap); \
		va_end(ap);               \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void
log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit(1);
}

bool
log_limit_pass(struct log_limit *limit, uint64_t monotonic_ms)
{
	if (limit->said_ms != 0 && monotonic_ms - limit->said_ms < LOG_EVERY_MS)
		return false;
	limit->said_ms = monotonic_ms;
	return true;
}
