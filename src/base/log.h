/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_BASE_LOG_H
#define CRIER_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG
};

/*
 * Says where lines go, and up to which level.  Until then: standard error,
 * LOG_LEVEL_INFO.
 */
void log_open(enum log_target, enum log_level);

/*
 * Standard error is this file, open for appending, and stays below max_bytes:
 * beyond it the file becomes PATH.1, and a new one begins.  Where that cannot
 * be done the file is emptied, or what is to be logged is lost.  The path stays
 * the caller's; NULL: standard error is no such file.
 */
void log_set_file(const char *path, uint64_t max_bytes);

/* How long that file is, in bytes; 0 if there is none. */
uint64_t log_file_bytes(void);

/*
 * Begins each line on standard error with its priority, as sd-daemon(3) says,
 * and leaves out what the journal knows anyway.
 */
void log_set_journal(bool);

/* Whether warnings and errors go to standard error beside the system's log. */
void log_set_echo(bool on);

/*
 * Write a line.  Bytes that are not printable UTF-8 are escaped (text_escape),
 * so that a peer can forge neither a line nor a terminal's commands.
 */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* log_error and exit(1): only before the loop runs, or for a broken invariant.
 */
void
log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Whether lines of this level are written at all. */
bool log_wants(enum log_level);

/*
 * For a fault that may come very often: at most one line every ten seconds.
 * All zero is a limit that was never used.
 */
struct log_limit {
	uint64_t said_ms;
};

/* Whether the line may be written now; if so, it counts as written. */
bool log_limit_pass(struct log_limit *, uint64_t monotonic_ms);

#endif
