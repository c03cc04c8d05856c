/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#ifndef CRIER_COMPANION_VERB_H
#define CRIER_COMPANION_VERB_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* What the options before the verb say. */
struct verb_env {
	const char *queue; /* path of the socket */
	uint64_t wait_ms;  /* how long a missing crierd is waited for */
};

/*
 * Every verb of crier(1), in the order in which they are shown.  To add one,
 * add its name here and define verb_NAME in a file of that name, or in the one
 * that holds its like: crier -h, what is said without a verb, and looking it up
 * are made from this list.
 */
#define VERB_LIST(of)                                                        \
	of(pub), of(flush), of(tail), of(history), of(position), of(status), \
	    of(top), of(close), of(run), of(stop), of(reload), of(restart),  \
	    of(shutdown), of(doctor), of(token)

/* argv[0] is its name.  run returns the exit code. */
struct verb {
	const char *name;
	const char *summary; /* its line in crier -h */
	const char *help; /* the whole text of its own -h; NULL: run has it */
	int (*run)(const struct verb_env *, int argc, char **argv);
};

/* Whether its program is there, if it is one of its own (help is NULL). */
bool verb_is_there(const struct verb *);

#define VERB_NAME(name) verb_##name
extern const struct verb VERB_LIST(VERB_NAME);

/*
 * getopt_long from the start of argv, without messages of its own.  shorts
 * begins with ':' ("+:" to stop at the first argument); -h and --help are
 * always added.  Call with *begun false first.  Returns an option, -1 at the
 * end (optind is the first argument), or '?' after a message: exit EX_USAGE.
 * For help prints it and returns 'h': exit 0.
 */
int verb_option(const struct verb *, int argc, char **argv, const char *shorts,
    const struct option *longs, bool *begun);

/*
 * Connects, sends a command, which it frees (NULL: there was no memory for it),
 * and has the reply shown, if it is no refusal.  Returns the exit code, show's
 * or one after a message.
 */
int verb_ask(const struct verb_env *, struct json_object *command,
    int (*show)(const void *arg, const char *reply, size_t len),
    const void *arg);

/* Says which nodes have no part in a reply, where several share a store. */
void verb_warn_missing(struct json_object *reply);

/* Names as a command has them, a list; NULL for want of memory. */
struct json_object *verb_names(int count, char **names);

/*
 * Sees that a crierd serves the queue, and starts one in the background if
 * none does.  0, or the exit code after a message.
 */
int verb_start_crierd(const struct verb_env *);

/* Says what is wrong with the arguments, and where help is; EX_USAGE. */
int verb_usage(const struct verb *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes standard output: code, or EX_IOERR after a message if that fails. */
int verb_finish(int code);

#endif
