/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_SPOOL_RUN_H
#define CRIER_TESTS_SPOOL_RUN_H

#include <stdio.h>
#include <sys/types.h>

#include "run.h"

/* Runs `crier pub -S` and `crier flush`, as run.h does, and looks at DIR. */

/* The directory, which is not there at first, and what it may hold. */
extern char spool_dir[80], spool_journal[96], spool_refused[96];
extern char spool_damaged[96], spool_clock_file[96];

/* The fixtures: of a group, and behind each test. */
int spool_setup(void **state);
int spool_teardown(void **state);

/* Ends what listens: whoever connects is refused. */
void spool_leave(void);

/* Listens again, and serves one connection for each talker, up to a NULL. */
pid_t spool_serve(const run_talker *talkers);

/* A talker that notes each event and answers all lines with ok. */
void spool_talk_ok(int fd, FILE *requests);

/* Knows no commands, and refuses "refuse75". */
void spool_talk_old(int fd, FILE *requests);
extern const run_talker spool_talk_once[], spool_talk_ok_once[];
extern const run_talker spool_talk_old_once[];

/* `crier pub -S DIR` and more words, up to a NULL; the exit code. */
int spool_pub(const char *input, const char *const *more);
#define PUB(...) spool_pub("", (const char *const[]){ __VA_ARGS__, NULL })
#define PUB_INPUT(input, ...) \
	spool_pub(input, (const char *const[]){ __VA_ARGS__, NULL })

/* `crier flush -v -S DIR` */
int spool_flush(void);

/* A file's size, -1 if it is not there. */
off_t spool_size(const char *path);
int spool_mode(const char *path);

/* What is in a file, and what occurs in it. */
void assert_file(const char *path, const char *want);
void assert_in_file(const char *path, const char *want);

/* The data of what is kept, or of what a server was sent; each with ';'. */
void assert_kept(const char *want);
void assert_requests(const char *want);

#endif
