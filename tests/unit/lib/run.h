/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_TESTS_RUN_H
#define CRIER_TESTS_RUN_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "companion/verb.h"

/*
 * Runs the companion's verbs, each in a process of its own, against a server
 * that answers as oddly as a test tells it to.  What fails, fails the test.
 */

enum {
	RUN_ARGS = 12,
	RUN_WAIT_MS = 30000
};

/* In a directory of the test's own: the socket, and what went where. */
extern char run_socket[64], run_requests[64], run_input[64];
extern char run_output[64], run_errors[64];
extern int run_listener;

/* The server's writes are cut into pieces of so many bytes. */
extern size_t run_piece;

/* The fixture of a group: makes the directory, and listens. */
int run_setup(void **state);
int run_teardown(void **state);
void run_listen(void);

/* How a server treats one connection; it notes what it was asked. */
typedef void (*run_talker)(int fd, FILE *requests);

/* Starts a server for one connection per talker, up to a NULL. */
pid_t run_serve(const run_talker *talkers, FILE *requests);
FILE *run_open_requests(void);

/* For talkers; ends the server if the client has left. */
void run_write_text(int fd, const char *text);
void run_write(int fd, const char *text, size_t len);

/*
 * A talker that notes each line and answers as its data say: refuseNN with that
 * code, drop by going away, mute not at all, and all else with ok.
 */
void run_talk_lines(int fd, FILE *requests);

/* A process's exit code, or its signal with a minus. */
int run_wait(pid_t);

/* Starts a verb; args, of which the first is its name, end with NULL. */
pid_t run_begin(const struct verb *, int input, int output,
    const char *const *args, uint64_t wait_ms);

/* The same from run_input to run_output, and waits; the exit code. */
int run_verb(const struct verb *, const char *const *args, uint64_t wait_ms);

/* One verb on one connection. */
struct run {
	int code;
	char *requests, *output, *errors;
};
void run_talk(struct run *, run_talker, const struct verb *,
    const char *const *args, const char *input);
void run_clear(struct run *);

/* Files: the text is the caller's to free. */
void run_save(const char *path, const char *text, size_t len);
char *run_read(const char *path);

/* Waits until the file has this text. */
void run_await(const char *path, const char *want);

#endif
